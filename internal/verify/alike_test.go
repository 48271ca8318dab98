package verify

import (
	"context"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// heads answers for a patch of a.py with what the patch has in the file.
type heads struct {
	language.Prober
	answers map[string]language.Answer
}

func (h heads) Neighbours(context.Context, language.Probe) (*language.Neighbourhood, error) {
	return &language.Neighbourhood{Calls: make([]language.Call, 1), Answers: []language.Answer{{End: language.Raised, Type: "KeyError"}}}, nil
}

func (h heads) Answers(_ context.Context, p language.Probe, _ []language.Call) ([]language.Answer, error) {
	return []language.Answer{h.answers[string(p.Overlay["a.py"])]}, nil
}

func TestHeadsOfWhichNothingIsKnownAreNotAlike(t *testing.T) {
	t.Parallel()
	lost, one, two := language.Answer{End: language.Lost}, language.Answer{End: language.Returned, Value: "1"}, language.Answer{End: language.Returned, Value: "2"}
	for _, tt := range []struct {
		name        string
		head, other language.Answer
		alike, same bool // without a part of it; as another proposal
	}{
		{"the same answer", one, one, true, true},
		{"another answer", one, two, false, false},
		{"no answer of one", one, lost, false, false},
		{"no answer of either", lost, lost, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tree := t.TempDir()
			write(t, tree+"/a.py", "x = 0\n")
			v := &Verifier{Prober: heads{answers: map[string]language.Answer{"x = 1\n": tt.head, "x = 2\n": tt.other}}}
			in := Input{Tree: tree, Test: testrun.Test{Path: "tests/test_a.py", Name: "test_a", Source: "x"}}
			j := newVerification(v, in, nil)
			j.overlay = patch.Overlay{"a.py": []byte("x = 1\n")}
			if alike, err := j.answersAlike(t.Context(), patch.Overlay{"a.py": []byte("x = 2\n")}); err != nil || alike != tt.alike {
				t.Errorf("without a part: alike %v (%v), want %v", alike, err, tt.alike)
			}
			var digests [2]string
			for i, text := range []string{"x = 1", "x = 2"} {
				var err error
				in.Patch = patch.Patch{Edits: []patch.Edit{{Path: "a.py", Search: "x = 0", Replace: text}}}
				if digests[i], err = v.Behaviour(t.Context(), in); err != nil {
					t.Fatal(err)
				}
			}
			if same := digests[0] != "" && digests[0] == digests[1]; same != tt.same {
				t.Errorf("got digests %q, want the same: %v", digests, tt.same)
			}
		})
	}
}
