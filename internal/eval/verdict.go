package eval

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/verify"
)

// A red is a situation in which the failure has been seen.
type red struct {
	verdict func(context.Context, candidate) (*verify.Verdict, error)
	end     func(context.Context) (Row, error) // repairs with the default proposer; nil for an archive
	probe   func(candidate) language.Probe     // what is asked about a patch, on base
}

func (m *measuring) redden(ctx context.Context, s situation) (*red, error) {
	if s.archive != "" {
		return m.tree(ctx, s)
	}
	return m.repository(ctx, s)
}

// repository reproduces a case's event.
func (m *measuring) repository(ctx context.Context, s situation) (*red, error) {
	repo := filepath.Join(m.dir, s.name)
	if err := clone(ctx, s.bundle, repo); err != nil {
		return nil, err
	}
	one := app.OneShot{Repo: repo, Event: s.event, Machine: m.Machine}
	c, err := one.Case()
	if err != nil {
		return nil, err
	}
	c.Progress = func(line string) { m.say("%s: %s", s.name, line) }
	for _, stage := range []string{pipeline.Assemble, pipeline.Reproduce} {
		if _, err := m.pipeline.Do(ctx, stage, c); err != nil {
			return nil, err
		}
	}
	verdict := func(ctx context.Context, p candidate) (*verify.Verdict, error) {
		own := *c
		own.Progress, own.Run = nil, c.Run+"-"+p.patch.ID()
		own.Repair = &repair.Result{Patch: p.patch}
		_, err := m.pipeline.Do(ctx, pipeline.Verify, &own)
		if own.Verdict != nil && (err == nil || fault.AsStop(err) != nil) {
			return own.Verdict, nil
		}
		return nil, err
	}
	end := func(ctx context.Context) (Row, error) {
		for _, stage := range []string{pipeline.Repair, pipeline.Verify, pipeline.Propose} {
			if _, err := m.pipeline.Do(ctx, stage, c); err != nil {
				return stopped(err)
			}
		}
		return rowOf(c.Verdict), nil
	}
	probe, err := m.probe(ctx, c)
	if err != nil {
		return nil, err
	}
	return &red{verdict, end, func(candidate) language.Probe { return probe }}, nil
}

// probe is a reproduced failure as questions about it need it.
func (m *measuring) probe(ctx context.Context, c *pipeline.Case) (language.Probe, error) {
	tree, release, err := m.pipeline.Source.Checkout(ctx, c.Project, c.Bundle.Code.Commit)
	if err != nil {
		return language.Probe{}, err
	}
	m.leave = append(m.leave, release)
	env, release, err := m.pipeline.Language.EnsureEnvironment(ctx, language.EnvironmentRequest{
		Run: c.Run, Tree: tree, Setup: c.Project.Setup, Environment: c.Bundle.Event.Environment, Known: &c.Reproduction.Env,
	})
	if err != nil {
		return language.Probe{}, err
	}
	m.leave = append(m.leave, release)
	return language.Probe{Run: c.Run, Env: env, Tree: tree, Test: c.Reproduction.Test}, nil
}

// stopped is the row of a repair that ended in a stop.
func stopped(err error) (Row, error) {
	stop := fault.AsStop(err)
	if stop == nil {
		return Row{}, err
	}
	return Row{Decision: verify.Rejected, Ground: string(stop.Type), Evidence: stop.Detail}, nil
}

// clone makes a repository of a git bundle; no hook and no configuration of
// this account takes effect.
func clone(ctx context.Context, bundle, dir string) error {
	cmd := exec.CommandContext(ctx, "git", "-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--no-checkout", "--", bundle, dir)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fault.Errorf(fault.Invalid, "git clone %s: %w: %s", filepath.Base(bundle), err, text.Line(string(out), 300))
	}
	return nil
}

// maxArchive limits the bytes of a txtar archive.
const maxArchive = 16 << 20

// tree lays out an archive, whose failures are given.
func (m *measuring) tree(ctx context.Context, s situation) (*red, error) {
	dir := filepath.Join(m.dir, s.name)
	if err := unpack(s.archive, dir); err != nil {
		return nil, err
	}
	lang := m.pipeline.Language
	env, release, err := lang.EnsureEnvironment(ctx, language.EnvironmentRequest{Run: "eval-" + s.name, Tree: dir})
	if err != nil {
		return nil, err
	}
	m.leave = append(m.leave, release)
	verdict := func(ctx context.Context, c candidate) (*verify.Verdict, error) {
		f := s.tests[c.key]
		test := f.test(c.key)
		sig, err := m.fails(ctx, testrun.Request{Run: "eval-" + c.key, Env: env, Tree: dir, Test: &test, Seed: testrun.Seed}, f.signature())
		if err != nil {
			return nil, err
		}
		return m.pipeline.Verifier.Judge(ctx, verify.Input{
			Run: "eval-" + c.patch.ID(), Tree: dir, TreeID: dir, Env: env, Test: test, Patch: c.patch, Signature: sig,
			Repeats: m.Repeats, Policy: patch.Policy{Rules: lang},
		})
	}
	return &red{verdict: verdict, probe: func(c candidate) language.Probe {
		return language.Probe{Run: "eval-" + c.key, Env: env, Tree: dir, Test: s.tests[c.key].test(c.key)}
	}}, nil
}

// fails runs an archive's test, and returns the signature of its failure, which
// must be the given one. Versions of the language differ in whether some
// functions have a frame of their own; there the file decides.
func (m *measuring) fails(ctx context.Context, req testrun.Request, want incident.Signature) (incident.Signature, error) {
	res, err := m.pipeline.Language.Run(ctx, req)
	if err != nil {
		return want, err
	}
	if !res.OK() || res.Tests[0].Status != testrun.Failed {
		return want, fault.Errorf(fault.Invalid, "the test does not fail: %s", text.Line(res.Output, 300))
	}
	got := res.Tests[0].Signature()
	if m.pipeline.Language.Inlined(got.Function) {
		want.Function = got.Function
	}
	if !got.Matches(want) {
		return want, fault.Errorf(fault.Invalid, "the test fails with %v, not with %v", got, want)
	}
	return got, nil
}

func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxArchive+1))
	if err != nil {
		return err
	}
	if len(data) > maxArchive {
		return fault.Errorf(fault.Budget, "%s is larger than %d bytes", filepath.Base(archive), maxArchive)
	}
	for _, f := range txtar.Parse(data).Files {
		if !filepath.IsLocal(f.Name) || strings.Contains(f.Name, "\\") {
			return fault.Errorf(fault.Invalid, "%s: %q is not a path inside the tree", filepath.Base(archive), f.Name)
		}
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(archive), err)
		}
	}
	return nil
}
