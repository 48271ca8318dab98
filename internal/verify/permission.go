package verify

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/patch"
)

// maxNamed limits the constructs that a question names.
const maxNamed = 5

// permissions are the constructs that the patch adds and that the policy leaves
// to people, unless one has permitted them for this patch.
func (j *verification) permissions() []patch.Violation {
	if j.analysis == nil || j.v.lax["code"] || j.v.lax["policy"] || j.v.lax["permission"] || j.in.Permitted == j.in.Patch.ID() {
		return nil
	}
	return j.analysis.Permissions
}

// permission asks a person about them.
func (j *verification) permission() *Question {
	var named []string
	for _, p := range j.permissions() {
		if len(named) == maxNamed {
			break
		}
		named = append(named, placeOf(p))
	}
	text := fmt.Sprintf("May the patch add %s%s?", strings.Join(named, "; "), more(len(j.permissions())-len(named)))
	return &Question{Kind: AskPermission, Text: text, Options: []Option{{
		Key: "A", Patch: j.in.Patch, Diff: j.diff, Standing: "every gate holds; the policy on code leaves what it adds to a person",
	}}}
}

// placeOf is a construct with its file and line.
func placeOf(v patch.Violation) string {
	return fmt.Sprintf("%s (%s:%d)", v.Detail, clip(v.Path, 120), v.Line)
}
