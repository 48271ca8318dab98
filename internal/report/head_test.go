package report

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/verify"
)

func TestAPullRequestNamesBothCommitsOfItsVerdict(t *testing.T) {
	t.Parallel()
	const head = "90ab4f2f6c2f4d0e8a0c6a2d3b4c5d6e11112222"
	in := sample(t)
	said := func() [2]string {
		texts := PullRequest(in)
		return [2]string{texts.Body.String(), texts.Check.Summary.String()}
	}
	for _, text := range said() {
		if strings.Contains(text, "two commits") {
			t.Errorf("of one commit the text says\n%s", text)
		}
	}
	in.Verdict.Head = &verify.Head{Commit: head, Gates: []verify.Gate{{Name: "applies", Outcome: verify.Held}, {Name: "suite", Outcome: verify.NotApplied}}}
	for _, text := range said() {
		for _, want := range []string{in.Bundle.Code.Commit, head, "1 of 2 gates hold and none fails"} {
			if !strings.Contains(text, want) {
				t.Errorf("the text lacks %q:\n%s", want, text)
			}
		}
	}
}
