package repro

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
)

// wheel writes a wheel of one module into dir.
func wheel(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "repaird_sample-1.0-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range map[string]string{
		"repaird_sample.py":                      "def half(x):\n    return 1 / x\n",
		"repaird_sample-1.0.dist-info/METADATA":  "Metadata-Version: 2.1\nName: repaird-sample\nVersion: 1.0\n",
		"repaird_sample-1.0.dist-info/WHEEL":     "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"repaird_sample-1.0.dist-info/RECORD":    "repaird_sample.py,,\n",
		"repaird_sample-1.0.dist-info/INSTALLER": "test\n",
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const needy = `
-- app.py --
from repaird_sample import half


def run(x):
    return half(x)
-- requirements.txt --
-r more.txt
-- more.txt --
repaird-sample==1.0
`

func needyEvent() incident.Event {
	return event("ZeroDivisionError", "division by zero",
		incident.Frame{File: "app.py", Module: "app", Function: "run", Line: 5, Code: "return half(x)", InApp: true, HasVars: true, Locals: []incident.Variable{repr("x", "0")}},
		incident.Frame{File: "repaird_sample.py", AbsPath: "/usr/lib/python3/site-packages/repaird_sample.py", Module: "repaird_sample", Function: "half", Line: 2},
	)
}

func TestDependenciesAreInstalledOnceWithTheHostsPipConfiguration(t *testing.T) {
	t.Parallel()
	dir, links := sandboxtest.Tree(t, needy), t.TempDir()
	wheel(t, links)
	sandboxtest.Each(t, func(t *testing.T, b sandbox.Backend) {
		r := reproducer(t, b, []string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=" + links})
		for _, want := range []string{"building the environment of requirements.txt, more.txt", "environment of requirements.txt, more.txt is there"} {
			var said []string
			got, err := r.Reproduce(t.Context(), Input{
				Run: "test", Bundle: bundleOf(needyEvent()), Tree: dir, Repeats: 1, Progress: func(s string) { said = append(said, s) },
			})
			if err != nil {
				t.Fatalf("%v\n%s", err, fault.AsStop(err).Log)
			}
			if got.Env.Interpreter != "/env/bin/python" || got.Called != "app.run" {
				t.Errorf("got %+v", got.Env)
			}
			if !strings.Contains(strings.Join(said, "\n"), want) {
				t.Errorf("got %q, want %q", said, want)
			}
		}
	})
}

func TestAnotherHostFindsOrRebuildsAReproductionsEnvironment(t *testing.T) {
	t.Parallel()
	dir, links := sandboxtest.Tree(t, needy), t.TempDir()
	wheel(t, links)
	type host struct {
		lang  *python.Language
		store *store.Store
	}
	newHost := func(environ ...string) host {
		s := newStore(t)
		return host{python.New(sandboxtest.Backend(t, "bwrap"), python.Host{
			Store: s, Bases: sandboxtest.Bases(t),
			Environ: append([]string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=" + links}, environ...),
		}), s}
	}
	first := newHost()
	reproducer := Reproducer{Language: first.lang, Session: first.lang, Rules: first.lang}
	got, err := reproducer.Reproduce(t.Context(), Input{Run: "test", Bundle: bundleOf(needyEvent()), Tree: dir, Repeats: 1})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(stored), os.TempDir()) {
		t.Errorf("the stored reproduction names a folder of the host that made it: %s", stored)
	}
	var restored Reproduction
	if err := json.Unmarshal(stored, &restored); err != nil {
		t.Fatal(err)
	}
	event := needyEvent()
	for _, c := range []struct {
		name string
		host host
		same bool
		said string
	}{
		{"the host that made it finds it", first, true, ""},
		{"another builds it anew", newHost(), true, "building the environment of requirements.txt, more.txt"},
		{"another with another package index builds its own", newHost("PIP_FIND_LINKS=" + links + " " + t.TempDir()), false, "this host's environment differs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			env, release, err := c.host.lang.EnsureEnvironment(t.Context(), language.EnvironmentRequest{
				Run: "test", Tree: dir, Environment: event.Environment, Known: &restored.Env, Progress: func(s string) { said = append(said, s) },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			if (env.Digest == restored.Env.Digest) != c.same || !strings.Contains(strings.Join(said, "\n"), c.said) || c.said == "" && said != nil {
				t.Errorf("got %s, said %q", env.Digest, said)
			}
			if diff := cmp.Diff(restored.Env.Roots, env.Roots); diff != "" {
				t.Error(diff)
			}
			res, err := c.host.lang.Run(t.Context(), testrun.Request{Run: "test", Env: env, Tree: dir, Test: &restored.Test, Seed: testrun.Seed})
			if err != nil || len(res.Tests) != 1 || res.Tests[0].Type != "ZeroDivisionError" {
				t.Errorf("got %+v, %v", res, err)
			}
			if removed, err := c.host.store.Prune(t.Context(), 0); len(removed) != 0 || err != nil {
				t.Errorf("an environment in use was removed: %v, %v", removed, err)
			}
		})
	}
}

func TestAFailedBuildIsAStopWithItsDecisiveLines(t *testing.T) {
	t.Parallel()
	r := reproducer(t, sandboxtest.Backend(t, "bwrap"), []string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1"})
	_, err := r.Reproduce(t.Context(), Input{Run: "test", Bundle: bundleOf(needyEvent()), Tree: sandboxtest.Tree(t, needy)})
	stop := fault.AsStop(err)
	if stop == nil || stop.Type != fault.NeedsEnvironment || !strings.Contains(stop.Log, "repaird-sample==1.0") {
		t.Fatalf("got %v", err)
	}
}

func TestAModuleThatNobodyDeclaresIsNamed(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, needy)
	if err := os.Remove(filepath.Join(dir, "requirements.txt")); err != nil {
		t.Fatal(err)
	}
	_, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(needyEvent()), Tree: dir})
	if stop == nil || stop.Type != fault.NeedsEnvironment || !strings.Contains(stop.Detail, "repaird_sample") {
		t.Fatalf("got %v", stop)
	}
}
