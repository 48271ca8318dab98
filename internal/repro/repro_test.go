package repro

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
)

// The strategies' names.
const (
	literal  = "outermost-literal"
	instance = "default-instance"
)

func bundleOf(e incident.Event) *bundle.Bundle {
	sig, _ := incident.SignatureOf(&e)
	return &bundle.Bundle{
		Event: e, Code: bundle.Code{Commit: e.Commit},
		Incident: bundle.Incident{ID: "inc-" + e.ID, Fingerprint: incident.Fingerprint("p", sig), Signature: sig},
	}
}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reproducer reproduces Python, with nothing built yet.
func reproducer(t *testing.T, b sandbox.Backend, environ []string) Reproducer {
	t.Helper()
	lang := python.New(b, python.Host{Store: newStore(t), Bases: sandboxtest.Bases(t), Environ: environ})
	return Reproducer{Language: lang, Session: lang, Rules: lang}
}

func reproduce(t *testing.T, b sandbox.Backend, in Input) (*Reproduction, *fault.Stop) {
	t.Helper()
	r := reproducer(t, b, []string{})
	in.Run = "test"
	got, err := r.Reproduce(t.Context(), in)
	if stop := fault.AsStop(err); stop != nil {
		t.Logf("%s\nhelp: %s\nlog: %s", stop, stop.Help, stop.Log)
		return nil, stop
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("fidelity %+v\n%s", got.Fidelity, got.Test.Source)
	return got, nil
}

// reportEvent is the crash of report([("a", 2), ("", 0)], "EUR", places=2) in render.
func reportEvent(src string) incident.Event {
	rows := incident.Variable{Name: "rows", Value: incident.Value{Kind: incident.KindList, Items: []incident.Value{
		list("", "''", "3").Value, list("", "''", "1").Value,
	}}}
	totals := incident.Variable{Name: "totals", Value: incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{repr("", "4")}}}
	return event("LedgerError", "account without a name, total 4",
		incident.Frame{File: "manage.py", AbsPath: "/srv/app/manage.py", Module: "__main__", Function: "<module>", Line: 7, Code: "report(load())", InApp: true, HasVars: true},
		fr(src, "report", "    return render(totals, currency, places)", rows, repr("currency", "'EUR'"), repr("places", "2"), totals),
		fr(src, "render", `        raise LedgerError("account without a name, total %s" % totals[best])`, totals, repr("currency", "'EUR'"), repr("places", "2"), repr("best", "''")),
	)
}

func TestTheOutermostCallIsRebuiltOnEveryBackend(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, ledger)
	sandboxtest.Each(t, func(t *testing.T, b sandbox.Backend) {
		got, stop := reproduce(t, b, Input{Bundle: bundleOf(reportEvent(core())), Tree: dir})
		if stop != nil {
			t.Fatal(stop)
		}
		if got.Called != "ledger.core.report" || got.Strategy != literal || got.Failed != 5 || got.Runs != 5 {
			t.Errorf("got %s by %s, %d of %d", got.Called, got.Strategy, got.Failed, got.Runs)
		}
		if got.Fidelity.Score != 1 {
			t.Errorf("got fidelity %+v, want 1", got.Fidelity)
		}
		if want := `report(rows=[["", 3], ["", 1]], currency='EUR', places=2)`; !strings.Contains(strings.ReplaceAll(got.Test.Source, "''", `""`), want) {
			t.Errorf("the test does not call %s", want)
		}
		if got.Signature.File != "ledger/core.py" || got.Signature.Function != "render" || len(got.Trace) == 0 {
			t.Errorf("got signature %+v, %d bytes of trace", got.Signature, len(got.Trace))
		}
		if got.Test.Path != "tests/"+got.Test.Name+".py" || !strings.HasPrefix(got.Test.Name, "test_repaird_") {
			t.Errorf("got test %s in %s", got.Test.Name, got.Test.Path)
		}
	})
}

func TestWhichCallIsMade(t *testing.T) {
	t.Parallel()
	src := core()
	dir := sandboxtest.Tree(t, ledger)
	texts := list("texts", "'a'", "3")
	for _, c := range []struct {
		name, called, strategy, source string
		event                          incident.Event
	}{
		{"a static method", "ledger.core.Account.parse", literal, "Account.parse(text='x')",
			event("ValueError", "could not convert string to float: 'x'", fr(src, "parse", "return float(text)", repr("text", "'x'")))},
		{"a class method, although the method below it has a lost self", "ledger.core.Account.named", literal, "Account.named(owner='o', limits=[])",
			event("ZeroDivisionError", "division by zero",
				fr(src, "named", "return cls(owner).balance(limits)", repr("cls", "<class 'ledger.core.Account'>"), repr("owner", "'o'"), list("limits")),
				fr(src, "balance", "return sum(entries) / len(entries)", repr("self", "<ledger.core.Account object at 0x7f>"), list("entries")))},
		{"a method of an instance that needs nothing", "ledger.core.Account.balance", instance, "Account().balance(entries=[])",
			event("ZeroDivisionError", "division by zero", fr(src, "balance", "return sum(entries) / len(entries)", repr("self", "<ledger.core.Account object at 0x7f>"), list("entries")))},
		{"a coroutine", "ledger.core.fetch", literal, "asyncio.run(fetch(pages=[1], number=1))",
			event("IndexError", "list index out of range", fr(src, "fetch", "return pages[number]", list("pages", "1"), repr("number", "1")))},
		{"a generator", "ledger.core.lines", literal, "list(lines(texts=['a', 3]))",
			event("AttributeError", "'int' object has no attribute 'upper'", fr(src, "lines", "yield text.upper()", texts, repr("text", "3")))},
		{"a tuple, where a list fails differently", "ledger.core.pair", literal, "pair(key=(2, 1))",
			event("KeyError", "(2, 1)", fr(src, "pair", `return {(1, 2): "x"}[key] + hash(key)`, list("key", "2", "1")))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(c.event), Tree: dir, Repeats: 1})
			if stop != nil {
				t.Fatal(stop)
			}
			if got.Called != c.called || got.Strategy != c.strategy || !strings.Contains(got.Test.Source, c.source) {
				t.Errorf("got %s by %s", got.Called, got.Strategy)
			}
		})
	}
}

func TestEveryOtherEndIsATypedStop(t *testing.T) {
	t.Parallel()
	src := core()
	dir := sandboxtest.Tree(t, ledger)
	lost := func(v incident.Variable, change func(*incident.Value)) incident.Variable {
		change(&v.Value)
		return v
	}
	moved := fr(src, "parse", "return float(text)", repr("text", "'x'"))
	moved.Code = "return Decimal(text)"
	gone := moved
	gone.File, gone.AbsPath, gone.Module = "ledger/other.py", "/srv/app/ledger/other.py", "ledger.other"
	bare := fr(src, "parse", "return float(text)")
	bare.HasVars = false
	otel := event("ValueError", "x", bare)
	otel.Source = incident.SourceOTLP
	for _, c := range []struct {
		name   string
		event  incident.Event
		stop   fault.StopType
		detail string // in detail, help or log
	}{
		{"no exception", incident.Event{ID: "1", Message: "hello"}, fault.NeedsInput, "exc_info"},
		{"the crash line reads otherwise", event("ValueError", "x", moved), fault.Tainted, "return Decimal(text)"},
		{"the file is gone", event("ValueError", "x", gone), fault.Tainted, "ledger/other.py"},
		{"no locals from Sentry", event("ValueError", "x", bare), fault.NeedsLocals, "include_local_variables=True"},
		{"no locals from OpenTelemetry", otel, fault.NeedsLocals, "OpenTelemetry"},
		{"a trimmed value", event("ValueError", "x", fr(src, "parse", "return float(text)", lost(repr("text", "'xxx...'"), func(v *incident.Value) { v.Trimmed = true }))), fault.ValueLost, "max_value_length"},
		{"a filtered value", event("ValueError", "x", fr(src, "parse", "return float(text)", lost(repr("text", "'[Filtered]'"), func(v *incident.Value) { v.Filtered = true }))), fault.ValueLost, "denylist"},
		{"a list that the function has emptied", event("ZeroDivisionError", "division by zero", fr(src, "consume", "return first / len(queue)", list("queue"), repr("first", "1"))), fault.NeedsInput, "queue is modified on line"},
		{"a parameter that is reassigned to what ends otherwise", event("ValueError", "x", fr(src, "halve", "return [1][value]", repr("value", "1"))), fault.NeedsInput, "value is reassigned on line"},
		{"an instance that needs arguments", event("KeyError", "'c'", fr(src, "open", "return self.key[code]", repr("self", "<ledger.core.Vault object at 0x7f>"), repr("code", "'c'"))), fault.NeedsInput, "Vault cannot be instantiated without arguments"},
		{"another failure than production's", event("ValueError", "x", fr(src, "parse", "return float(text)", list("text"))), fault.NotReproduced, "TypeError"},
		{"a call that returns", event("ValueError", "could not convert", fr(src, "parse", "return float(text)", repr("text", "'1'"))), fault.NotReproduced, "passed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(c.event), Tree: dir})
			if stop == nil || stop.Type != c.stop {
				t.Fatalf("got %v, want %s", stop, c.stop)
			}
			if all := stop.Detail + stop.Help + stop.Log; !strings.Contains(all, c.detail) {
				t.Errorf("%q is not said", c.detail)
			}
			if stop.Help == "" || stop.Detail == "" {
				t.Error("a stop without detail or help")
			}
		})
	}
}

// unbuilt is a language that must not build an environment.
type unbuilt struct {
	language.Reproduction
	t *testing.T
}

func (u unbuilt) EnsureEnvironment(context.Context, language.EnvironmentRequest) (testrun.Environment, func(), error) {
	u.t.Error("an environment was built")
	return testrun.Environment{}, nil, errors.New("not built")
}

func TestEvidenceIsLookedAtBeforeAnythingIsBuilt(t *testing.T) {
	t.Parallel()
	src := core()
	dir := sandboxtest.Tree(t, ledger+"-- requirements.txt --\nnot-there==1.0\n")
	bare := fr(src, "parse", "return float(text)")
	bare.HasVars = false
	moved := fr(src, "parse", "return float(text)", repr("text", "'x'"))
	moved.Code = "return Decimal(text)"
	cut := repr("text", "'xxx...'")
	cut.Value.Trimmed = true
	for _, c := range []struct {
		name  string
		event incident.Event
		stop  fault.StopType
	}{
		{"no exception", incident.Event{ID: "1", Message: "hello"}, fault.NeedsInput},
		{"a file that is not in the tree", event("ValueError", "x", incident.Frame{File: "gone.py", Function: "f", Line: 1, InApp: true}), fault.Tainted},
		{"a crash line of another commit", event("ValueError", "x", moved), fault.Tainted},
		{"no locals", event("ValueError", "x", bare), fault.NeedsLocals},
		{"no call that can be written", event("ValueError", "x", fr(src, "parse", "return float(text)", cut)), fault.ValueLost},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := reproducer(t, sandboxtest.Backend(t, "bwrap"), []string{})
			r.Language = unbuilt{r.Language, t}
			_, err := r.Reproduce(t.Context(), Input{Run: "test", Bundle: bundleOf(c.event), Tree: dir})
			if stop := fault.AsStop(err); stop == nil || stop.Type != c.stop {
				t.Errorf("got %v, want %s", err, c.stop)
			}
		})
	}
}

func TestAFailureThatComesAndGoesIsFlaky(t *testing.T) {
	t.Parallel()
	e := event("ValueError", "tails", fr(core(), "coin", `raise ValueError("tails")`, repr("value", "1")))
	// A try may also pass at once, or fail in all runs: together 9 in 16.
	for range 14 {
		_, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(e), Tree: sandboxtest.Tree(t, ledger), Repeats: 4})
		if stop != nil && stop.Type == fault.Flaky {
			if !strings.Contains(stop.Detail, "of 4 runs") {
				t.Errorf("got %s", stop.Detail)
			}
			return
		}
		if stop != nil && stop.Type != fault.NotReproduced {
			t.Fatalf("got %v", stop)
		}
	}
	t.Error("never flaky in 14 tries")
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestAFixOnTheDefaultBranchIsNamed(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, ledger)
	commit := func(old, new, message string) string {
		t.Helper()
		file := filepath.Join(dir, "ledger/core.py")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "--allow-empty", "-m", message)
		return git(t, dir, "rev-parse", "HEAD")
	}
	git(t, dir, "init", "-q", "-b", "main")
	base := commit("", "", "base")
	commit("import random", "import random  # why", "comment")
	fix := commit("return float(text)", "return float(text.strip('x') or 0)", "parse: take empty texts")
	head := commit("class Vault:", "class Safe:", "rename")

	repo, err := gitrepo.Open(t.Context(), t.TempDir(), gitrepo.Source{URL: dir}, gitrepo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	trees := t.TempDir()
	in := Input{Tree: filepath.Join(trees, "base"), Head: filepath.Join(trees, "head"), HeadSHA: head, History: history{repo, t}, Repeats: 1}
	for sha, to := range map[string]string{base: in.Tree, head: in.Head} {
		if _, err := repo.Checkout(t.Context(), sha, to); err != nil {
			t.Fatal(err)
		}
	}
	e := event("ValueError", "could not convert string to float: 'x'", fr(core(), "parse", "return float(text)", repr("text", "'x'")))
	e.Commit = base
	in.Bundle = bundleOf(e)
	_, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), in)
	if stop == nil || stop.Type != fault.AlreadyFixed || !strings.Contains(stop.Detail, fix) || !strings.Contains(stop.Detail, "take empty texts") {
		t.Fatalf("got %v, want already_fixed by %s", stop, fix)
	}
}

// history writes trees into the test's own folders.
type history struct {
	*gitrepo.Repo
	t *testing.T
}

func (h history) Checkout(ctx context.Context, commit string) (string, func(), error) {
	dir := h.t.TempDir()
	_, err := h.Repo.Checkout(ctx, commit, dir)
	return dir, func() {}, err
}
