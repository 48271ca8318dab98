package web

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/orchestrator"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/verify"
)

func (s *server) incidents(r *http.Request) (string, any, error) {
	rows, err := s.DB.Incidents(r.Context(), 200)
	if err != nil {
		return "", nil, err
	}
	list := make([]incidentView, len(rows))
	for i, row := range rows {
		list[i] = viewIncident(row)
	}
	return "incidents", map[string]any{"Title": "Incidents", "Incidents": list}, nil
}

// An incidentView is one incident as lists show it.
type incidentView struct {
	postgres.IncidentRow
	State string
	Stop  *fault.Stop
	PR    *forge.PullRequest
}

func viewIncident(row postgres.IncidentRow) incidentView {
	v := incidentView{IncidentRow: row, Stop: decode[fault.Stop](row.Stop), PR: decode[forge.PullRequest](row.PR)}
	if row.RunState != nil {
		v.State = *row.RunState
	}
	return v
}

func decode[T any](b []byte) *T {
	if len(b) == 0 {
		return nil
	}
	v := new(T)
	if json.Unmarshal(b, v) != nil {
		return nil
	}
	return v
}

func (s *server) incident(r *http.Request) (string, any, error) {
	row, err := s.DB.Incident(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return "", nil, err
	}
	runs, err := s.DB.Runs(r.Context(), row.ID)
	if err != nil {
		return "", nil, err
	}
	list := make([]runView, len(runs))
	for i, run := range runs {
		list[i] = viewRun(run)
	}
	return "incident", map[string]any{"Title": row.Title, "Incident": viewIncident(*row), "Runs": list}, nil
}

// A runView is one run with its stages' results.
type runView struct {
	postgres.Run
	Stop     *fault.Stop
	PR       *forge.PullRequest
	Steps    []step
	Case     pipeline.Case
	Question *verify.Question // that the run waits for
	Card     string
	Log      []logLine
}

// A step is one state in the progress bar at the top of a run's page.
type step struct{ Name, Class string }

func viewRun(run postgres.Run) runView {
	v := runView{Run: run, Stop: decode[fault.Stop](run.Stop), PR: decode[forge.PullRequest](run.PullRequest)}
	v.Steps = append(v.Steps, step{"accepted", "done"})
	reached := run.Stage == "" && v.Stop == nil && run.State != "failed"
	passed := true
	for _, st := range pipeline.Stages {
		class := ""
		switch {
		case run.Stage == st.Name:
			class, passed = "now", false
		case reached || passed && run.Stage != "" && v.Stop == nil:
			class = "done"
		}
		v.Steps = append(v.Steps, step{st.State, class})
	}
	switch {
	case v.Stop != nil:
		v.Steps = append(v.Steps, step{"stopped: " + string(v.Stop.Type), "stop"})
	case run.State == "failed", run.State == "merged", run.State == "closed":
		v.Steps = append(v.Steps, step{run.State, map[bool]string{true: "stop", false: "done"}[run.State == "failed"]})
	}
	return v
}

func (s *server) run(r *http.Request) (string, any, error) {
	run, err := s.DB.Run(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return "", nil, err
	}
	v := viewRun(*run)
	artifacts, err := s.DB.Artifacts(r.Context(), run.ID)
	if err != nil {
		return "", nil, err
	}
	if err := v.Case.Restore(artifacts); err != nil {
		return "", nil, err
	}
	if v.Stop != nil && v.Stop.Type == fault.Undecided && run.Finished != nil && v.Case.Verdict != nil {
		v.Question = v.Case.Verdict.Question
	}
	if v.Stop != nil { // mark the states that were reached before the stop
		for i, done := range []bool{true, v.Case.Bundle != nil, v.Case.Reproduction != nil, v.Case.Repair != nil && len(v.Case.Repair.Patch.Edits) > 0, false, false} {
			if done {
				v.Steps[i].Class = "done"
			}
		}
	}
	entries, err := s.DB.Ledger(r.Context(), run.ID, 0)
	if err != nil {
		return "", nil, err
	}
	for _, e := range entries {
		v.Log = append(v.Log, describe(e))
	}
	_, broken := postgres.VerifyLedger(run.ID, entries)
	inc, err := s.DB.Incident(r.Context(), run.Incident)
	if err != nil {
		return "", nil, err
	}
	last := 0
	if n := len(entries); n > 0 {
		last = entries[n-1].Seq
	}
	return "run", map[string]any{
		"Title": "Run " + run.ID, "Run": v, "Incident": inc, "Artifacts": sorted(artifacts),
		"LedgerBroken": broken != nil, "Last": last, "Live": run.Finished == nil,
	}, nil
}

// decide answers the question of a run and returns to its page.
func (s *server) decide(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	id := chi.URLParam(r, "id")
	choice := pipeline.Choice{Key: r.PostFormValue("key"), Expect: strings.TrimSpace(r.PostFormValue("expect")), Raises: strings.TrimSpace(r.PostFormValue("raises"))}
	by := strings.TrimSpace(r.PostFormValue("by"))
	err := fault.Errorf(fault.Invalid, "say who answers")
	if by != "" {
		_, err = orchestrator.Decide(r.Context(), s.DB, id, choice, text.Line(by, 60)+" (on the run's page)")
	}
	if err != nil {
		s.page(func(*http.Request) (string, any, error) { return "", nil, err })(w, r)
		return
	}
	http.Redirect(w, r, "/runs/"+url.PathEscape(id), http.StatusSeeOther)
}

func (s *server) artifact(w http.ResponseWriter, r *http.Request) {
	content, err := s.DB.Artifact(r.Context(), chi.URLParam(r, "id"), chi.URLParam(r, "name"))
	if err != nil {
		s.page(func(*http.Request) (string, any, error) { return "", nil, err })(w, r)
		return
	}
	// Never a type that a browser would render or execute.
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(content)
}

// A pullRecord is a pull request as the local forge stores it.
type pullRecord struct {
	Title, Body, Base, Branch, Commit, State string
	Labels                                   []string
}

// A pullView is a pull request in the local forge with the run that opened it.
type pullView struct {
	postgres.PullRequestRow
	PR   pullRecord
	Body template.HTML
	Run  string
	Diff string
}

func (s *server) pull(r *http.Request) (string, any, error) {
	number, err := strconv.Atoi(chi.URLParam(r, "number"))
	if err != nil || number < 1 {
		return "", nil, fault.Errorf(fault.NotFound, "pull request %q does not exist", chi.URLParam(r, "number"))
	}
	row, err := s.DB.LocalPullRequest(r.Context(), number)
	if err != nil {
		return "", nil, err
	}
	v := pullView{PullRequestRow: *row}
	if err := json.Unmarshal(row.Content, &v.PR); err != nil {
		return "", nil, err
	}
	if v.Body, err = markdown(v.PR.Body); err != nil {
		return "", nil, err
	}
	run, err := s.DB.RunByPullRequest(r.Context(), row.Repository, number)
	if err == nil {
		v.Run = run.ID
		if b, err := s.DB.Artifact(r.Context(), run.ID, pipeline.ArtifactVerdict); err == nil {
			if verdict := decode[verify.Verdict](b); verdict != nil {
				v.Diff = verdict.Diff
			}
		}
	} else if fault.KindOf(err) != fault.NotFound {
		return "", nil, err
	}
	return "pull", map[string]any{"Title": v.PR.Title, "Pull": v}, nil
}

var (
	converter = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	sanitiser = func() *bluemonday.Policy {
		p := bluemonday.UGCPolicy()
		p.AllowElements("details", "summary")
		p.AllowAttrs("open").OnElements("details")
		return p
	}()
)

// markdown renders a pull request's body as GitHub would. The renderer passes
// raw HTML through, for <details>; the sanitiser then removes what is unsafe.
func markdown(text string) (template.HTML, error) {
	var out bytes.Buffer
	if err := converter.Convert([]byte(text), &out); err != nil {
		return "", err
	}
	return template.HTML(sanitiser.SanitizeBytes(out.Bytes())), nil //nolint:gosec // sanitised above
}
