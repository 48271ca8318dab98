package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// push commits a change of one file to the repository's main, as a colleague
// would, and returns the commit.
func (s *site) push(file, old, new, message string) string {
	s.t.Helper()
	work := filepath.Join(s.t.TempDir(), "colleague")
	git(s.t, s.dir, "clone", "-q", s.bare, work)
	name := filepath.Join(work, file)
	before, err := os.ReadFile(name)
	must(s.t, err)
	after := strings.Replace(string(before), old, new, 1)
	if after == string(before) {
		s.t.Fatalf("%s does not contain %q", file, old)
	}
	must(s.t, os.WriteFile(name, []byte(after), 0o644))
	git(s.t, work, "commit", "-q", "-a", "-m", message)
	git(s.t, work, "push", "-q", "origin", "HEAD:main")
	return git(s.t, work, "rev-parse", "HEAD")
}

// The commit that failed is not the head of main any more when the verdict is
// computed: it is computed on both. Package pipeline has the other cases.
func TestMainHasMovedOn(t *testing.T) {
	t.Parallel()
	const bands = "tariff/bands.py"
	for _, c := range []struct {
		name          string
		old, new      string
		reproduced    bool   // before main moves
		stop, says    string // "" it is proposed
		message, kept string // kept: of the colleague's change, in what is published
	}{
		{name: "elsewhere in the file that the patch changes", old: `"""Weight bands and their prices."""`, new: "\"\"\"Weight bands and their prices.\n\nPrices are those of the carrier.\n\"\"\"",
			message: "bands: say whose prices", kept: "Prices are those of the carrier."},
		{name: "and fixed the failure meanwhile", old: "while index <= len(LIMITS) and", new: "while index < len(LIMITS) and", message: "bands: stop at the last",
			reproduced: true, stop: `"already_fixed"`, says: "bands: stop at the last"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "tariff", "bwrap")
			failed := git(t, s.bare, "rev-parse", "main")
			head := ""
			if !c.reproduced {
				head = s.push(bands, c.old, c.new, c.message)
			}
			point := ""
			if c.reproduced {
				point = "stage.verify.begin"
			}
			d := s.start(point)
			if status, answer := s.sendEnvelope(); status != 200 {
				t.Fatalf("the envelope got %d %s", status, answer)
			}
			if c.reproduced {
				d.died(3 * time.Minute)
				head = s.push(bands, c.old, c.new, c.message)
				d = s.start("")
			}
			r := s.answered(5 * time.Minute)
			d.stop()
			pulls := s.hub.State().Pulls
			if c.stop != "" {
				if r.State != "stopped" || !strings.Contains(string(r.Stop), c.stop) || !strings.Contains(string(r.Stop), c.says) || !strings.Contains(string(r.Stop), head[:12]) || len(pulls) > 0 {
					t.Errorf("the run ended as %s with %s and %d pull requests, want %s saying %q of %s\n%s", r.State, r.Stop, len(pulls), c.stop, c.says, head, s.logs())
				}
				return
			}
			if r.State != "proposed" || len(pulls) != 1 {
				t.Fatalf("the run ended as %s with %s\n%s", r.State, r.Stop, s.logs())
			}
			if parent := git(t, s.bare, "rev-parse", pulls[0].Commit+"^"); parent != head {
				t.Errorf("the pull request is based on %s, want the head of main, %s", parent, head)
			}
			for _, commit := range []string{failed, head} {
				if !strings.Contains(pulls[0].Body, commit) {
					t.Errorf("the pull request does not name %s:\n%s", commit, pulls[0].Body)
				}
			}
			file := git(t, s.bare, "show", pulls[0].Commit+":"+bands)
			if !strings.Contains(file, c.kept) || strings.Contains(file, "index <= len(LIMITS)") {
				t.Errorf("what is published is\n%s", file)
			}
		})
	}
}
