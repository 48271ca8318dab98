package web_test

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/verify"
)

// ask ends the site's run with a question.
func (s *site) ask(q verify.Question) {
	content, err := json.Marshal(verify.Verdict{Decision: verify.Asked, Question: &q})
	if err != nil {
		s.t.Fatal(err)
	}
	s.tx(func(tx pgx.Tx) error {
		if err := postgres.PutArtifact(s.t.Context(), tx, s.run, pipeline.ArtifactVerdict, content, sha256.Sum256(content)); err != nil {
			return err
		}
		return postgres.Advance(s.t.Context(), tx, s.run, 0, postgres.Step{State: "stopped", Stop: &fault.Stop{Type: fault.Undecided, Detail: q.Text}})
	})
}

// answer posts the form of the run's page, as a browser on site would.
func (s *site) answer(site string, form url.Values) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.srv.URL+"/runs/"+s.run+"/decide", strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", site)
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}

var quoteQuestion = verify.Question{Kind: verify.AskAnswer, Text: "What should quote(weight=25) answer? " + hostile, Options: []verify.Option{
	{Key: "A", Answer: "returns 12 " + hostile, Literal: "12", Standing: "every gate holds", Diff: "--- a/x\n+++ b/x\n@@\n-" + hostile + "\n+one\n",
		Changes: []behaviour.Difference{{Call: "quote(weight=24)", Before: "returns 11", After: "returns 12"}}},
	{Key: "B", Answer: "raises shop.TooHeavy", Raises: "shop.TooHeavy"},
}}

func TestAQuestionIsAnsweredOnItsRunsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.ask(quoteQuestion)
	status, page := s.get("/runs/" + s.run)
	for _, want := range []string{"A person has to decide", "What should quote(weight=25) answer?", "quote(weight=24)", "B is right", `action="/runs/run-1/decide"`} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("the page (%d) does not say %q\n%s", status, want, page)
		}
	}
	if strings.Contains(page, hostile) {
		t.Errorf("the page holds %s", hostile)
	}
	if _, form, _ := strings.Cut(page, `/decide">`); !strings.HasPrefix(form, "<button disabled") {
		t.Error("Enter in a field of the form presses the first option's button")
	}
	if status, to := s.answer("same-origin", url.Values{"key": {"B"}, "by": {"ann"}}); status != http.StatusSeeOther || to != "/runs/run-1" {
		t.Fatalf("got %d to %q", status, to)
	}
	status, page = s.get("/runs/" + s.run)
	if status != http.StatusOK || strings.Contains(page, "B is right") || !strings.Contains(page, "the answer of ann (on the run&#39;s page): option B: raises shop.TooHeavy") || !strings.Contains(page, "data-live") {
		t.Errorf("after the answer the page (%d) is\n%s", status, page)
	}
	run, err := s.db.Run(t.Context(), s.run)
	if err != nil || run.Stage != pipeline.Repair || run.Finished != nil {
		t.Errorf("the run is %+v, %v", run, err)
	}
}

func TestAnAnswerOnThePageIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		token, site string
		form        url.Values
		status      int
	}{
		"without the token":              {"open sesame", "same-origin", url.Values{"key": {"B"}, "by": {"ann"}}, http.StatusUnauthorized},
		"sent by another site":           {"", "cross-site", url.Values{"key": {"B"}, "by": {"ann"}}, http.StatusForbidden},
		"by nobody":                      {"", "same-origin", url.Values{"key": {"B"}, "by": {" "}}, http.StatusUnprocessableEntity},
		"with an option that is not one": {"", "same-origin", url.Values{"key": {"C"}, "by": {"ann"}}, http.StatusUnprocessableEntity},
		"with two answers":               {"", "same-origin", url.Values{"expect": {"12"}, "raises": {"ValueError"}, "by": {"ann"}}, http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.token)
			s.ask(quoteQuestion)
			if status, _ := s.answer(tt.site, tt.form); status != tt.status {
				t.Errorf("got %d, want %d", status, tt.status)
			}
			if run, err := s.db.Run(t.Context(), s.run); err != nil || run.State != "stopped" {
				t.Errorf("the run is %+v, %v", run, err)
			}
		})
	}
}
