package archtest

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/repaird/repaird"

// layers, lowest first. A package imports only packages of lower layers;
// a subpackage its parent, never the reverse, but for facades.
var layers = [][]string{
	{"internal/incident", "internal/fault", "internal/secret", "internal/text", "internal/redact/rules", "internal/redact/shape", "internal/language/python/tracer", "migrations"},
	{"internal/patch", "internal/store", "internal/redact/encode", "internal/incident/evidence"},
	{"internal/redact/find", "internal/redact/token"},
	{"internal/redact"},
	{"internal/trace/wire", "internal/llm"},
	{"internal/trace", "internal/trace/equality"},
	{"internal/trace/findings", "internal/trace/scrub"},
	{"internal/trace/card"},
	{"internal/trace/diverge"},
	{"internal/bundle", "internal/trace/view", "internal/trace/replay"},
	{"internal/intake", "internal/sandbox", "internal/gitrepo", "internal/forge", "internal/postgres"},
	{"internal/testrun", "internal/trace/run"},
	{"internal/language", "internal/language/python/index"},
	{"internal/language/python/program", "internal/language/python/patchrules", "internal/language/python/tree", "internal/language/python/environment", "internal/language/python/frames", "internal/behaviour", "internal/verify/pair"},
	{"internal/language/python/session", "internal/language/python/analysis", "internal/language/python/synth", "internal/language/python/behaviour", "internal/language/python/documents", "internal/language/python/lint"},
	{"internal/language/python"},
	{"internal/repro", "internal/verify", "internal/repair", "internal/trace/agent"},
	{"internal/report"},
	{"internal/pipeline"},
	{"internal/orchestrator"},
	{"internal/web"},
	{"internal/config", "internal/app"},
	{"internal/eval"},
	{"cmd/repaird"},
}

// lifted are subpackages that belong to a higher layer than their parent.
var lifted = map[string]string{
	"internal/llm/anthropic": "internal/intake",
	"internal/llm/openai":    "internal/intake",
	"internal/llm/recording": "internal/intake",

	"internal/language/python/templates": "internal/report", // a proposer: it implements what package repair asks
}

// contracts have implementations as subpackages, which only app imports.
var implementations = []string{
	"internal/sandbox/docker", "internal/sandbox/bwrap", "internal/forge/github", "internal/forge/local",
	"internal/llm/anthropic", "internal/llm/openai",
}

// exclusive says which packages may import a library.
var exclusive = map[string][]string{
	"github.com/riverqueue/river":            {"internal/orchestrator", "internal/app", "internal/postgres"}, // postgres: its schema only
	"github.com/jackc/pgx/v5":                {"internal/postgres", "internal/orchestrator", "internal/app"},
	"github.com/google/go-github/v62":        {"internal/forge/github", "internal/intake/github"},
	"go.opentelemetry.io/collector/pdata":    {"internal/intake/otlp"},
	"github.com/moby/moby":                   {"internal/sandbox/docker"},
	"github.com/anthropics/anthropic-sdk-go": {"internal/llm/anthropic"},
	"github.com/openai/openai-go":            {"internal/llm/openai"},
}

// outside the table: tests, and what serves only them.
var unlayered = regexp.MustCompile(`^internal/(archtest|e2e)(/|$)|/(pgtest|sandboxtest|forgetest|llmtest|githubtest|secrettest|tracertest|wiretest|viewtest)(/|$)`)

type pkg struct {
	ImportPath, Name, Doc string
	Imports               []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 20 {
		t.Fatalf("found only %d packages", len(list))
	}
	return list
}

func local(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// layer returns a package's layer, that of its nearest listed parent, or -1.
func layer(p string) int {
	if as, ok := lifted[p]; ok {
		p = as
	}
	for ; p != "."; p = path.Dir(p) {
		for i, l := range layers {
			if slices.Contains(l, p) {
				return i
			}
		}
	}
	return -1
}

func TestPackagesImportOnlyLowerLayers(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		from, _ := local(p.ImportPath)
		if unlayered.MatchString(from) {
			continue
		}
		if layer(from) < 0 {
			t.Errorf("%s is in no layer: add it to the table here and in docs/design.md", from)
		}
		for _, imp := range p.Imports {
			to, ok := local(imp)
			if !ok {
				continue
			}
			if unlayered.MatchString(to) {
				t.Errorf("%s imports %s, which serves tests only", from, to)
				continue
			}
			child := strings.HasPrefix(from, to+"/") && !slices.Contains(facades[to], from) // a subpackage its parent, a room never its facade
			if !child && !allowedChild(from, to) && layer(to) >= layer(from) && from != "internal/app" && from != "cmd/repaird" {
				t.Errorf("%s (layer %d) imports %s (layer %d)", from, layer(from), to, layer(to))
			}
			if strings.HasPrefix(to, from+"/") && !allowedChild(from, to) {
				t.Errorf("%s imports its own subpackage %s", from, to)
			}
		}
	}
}

// facades put their own subpackages together: intake decodes with its own pure
// decoders, app shows its own samples, a language and redaction are their rooms,
// the model of a trace stands on its format, and a verdict on the traces of a pair
// of runs.
var facades = map[string][]string{
	"internal/intake":          {"internal/intake/sentry", "internal/intake/otlp", "internal/intake/github"},
	"internal/app":             {"internal/app/samples"},
	"internal/language/python": {"internal/language/python/analysis", "internal/language/python/behaviour", "internal/language/python/documents", "internal/language/python/environment", "internal/language/python/lint", "internal/language/python/patchrules", "internal/language/python/session", "internal/language/python/synth"},
	"internal/redact":          {"internal/redact/encode", "internal/redact/find", "internal/redact/rules", "internal/redact/shape", "internal/redact/token"},
	"internal/trace":           {"internal/trace/wire"},
	"internal/verify":          {"internal/verify/pair"},
}

func allowedChild(from, to string) bool {
	return slices.Contains(facades[from], to)
}

func TestImplementationsAreImportedOnlyByApp(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		from, _ := local(p.ImportPath)
		if from == "internal/app" || unlayered.MatchString(from) {
			continue
		}
		for _, imp := range p.Imports {
			to, _ := local(imp)
			for _, impl := range implementations {
				if to == impl && !strings.HasPrefix(from, impl) {
					t.Errorf("%s imports %s; only internal/app may", from, to)
				}
			}
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		from, _ := local(p.ImportPath)
		if unlayered.MatchString(from) {
			continue
		}
		for _, imp := range p.Imports {
			for lib, rooms := range exclusive {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(rooms, from) {
					t.Errorf("%s imports %s; only %v may", from, imp, rooms)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	forbidden := []string{"util", "utils", "common", "types", "models", "model", "helpers", "helper", "misc"}
	for _, p := range packages(t) {
		if slices.Contains(forbidden, p.Name) || slices.Contains(forbidden, path.Base(p.ImportPath)) {
			t.Errorf("%s: %s says nothing about what is in it", p.ImportPath, p.Name)
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
