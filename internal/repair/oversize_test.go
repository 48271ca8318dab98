package repair_test

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/repair"
)

func TestAnOverlongInputIsNotSentAgain(t *testing.T) {
	t.Parallel()
	tree, _ := repository(t)
	m := &llm.Scripted{Turns: []llm.Turn{
		llm.Call("give_up", map[string]any{"reason": strings.Repeat("x", 200_000)}),
		llm.Call("read_file", map[string]any{"path": "stats.py"}),
		propose("stats.py", wrong, right),
	}}
	if _, err := proposer(m, repair.ModelOptions{}).Repair(t.Context(), input(tree, &judge{})); err != nil {
		t.Fatal(err)
	}
	requests := m.Requests()
	last := requests[len(requests)-1].Messages
	sizes := map[string]int{}
	for _, msg := range last {
		for _, c := range msg.Calls {
			sizes[c.Name] = len(c.Input)
		}
	}
	if sizes["give_up"] != len("{}") || sizes["read_file"] <= len("{}") {
		t.Errorf("sizes of inputs in the last request: %v, want the overlong one emptied and the other kept", sizes)
	}
}
