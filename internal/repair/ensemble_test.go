package repair_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/llm/anthropic"
	"github.com/repaird/repaird/internal/llm/llmtest"
	"github.com/repaird/repaird/internal/llm/openai"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
)

// formats are the vendors' wire formats with their clients.
var formats = map[string]struct {
	format llmtest.Format
	open   llmtest.New
}{
	"anthropic":        {llmtest.Anthropic, func(o llm.Options) (llm.Model, error) { return anthropic.New(o) }},
	"chat completions": {llmtest.Chat, func(o llm.Options) (llm.Model, error) { return openai.New(o) }},
	"responses":        {llmtest.Responses, func(o llm.Options) (llm.Model, error) { return openai.NewResponses(o) }},
}

// wired is a model behind an endpoint of a vendor's format.
func wired(t *testing.T, vendor string, script llmtest.Script) (*llmtest.Server, llm.Model) {
	t.Helper()
	return patient(t, vendor, time.Minute, script)
}

// patient is wired with another time without a sign of life.
func patient(t *testing.T, vendor string, idle time.Duration, script llmtest.Script) (*llmtest.Server, llm.Model) {
	t.Helper()
	f := formats[vendor]
	s := llmtest.Start(t, f.format, script)
	m, err := f.open(llm.Options{BaseURL: s.URL, Model: "m", Idle: idle,
		Retry: llm.Retry{Sleep: func(context.Context, time.Duration) error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// over runs a test over every format.
func over(t *testing.T, test func(t *testing.T, vendor string)) {
	t.Helper()
	for vendor := range formats {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			test(t, vendor)
		})
	}
}

// suggests is a turn that proposes a replacement of the wrong line.
func suggests(replace string) llmtest.Turn {
	return llmtest.Turn{Thinking: "It divides by too little.", Text: "I propose this.", Usage: llm.Usage{Input: 2000, Output: 100},
		Calls: llmtest.Call("propose_patch", map[string]any{"why": "it became " + strings.TrimSpace(replace), "edits": []patch.Edit{{Path: "stats.py", Search: wrong, Replace: replace}}})}
}

var reads = llmtest.Turn{Text: "Let me look.", Calls: llmtest.Call("read_file", map[string]any{"path": "stats.py"}), Usage: llm.Usage{Input: 1500, Output: 50}}

// observer accepts everything but zeros, and tells behaviours apart by what it
// is told of replacements.
type observer struct {
	behaviours map[string]string // by replacement; the replacement itself if it has none
	mu         sync.Mutex
	judged     int
}

func (o *observer) Judge(_ context.Context, p patch.Patch) (*repair.Assessment, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judged++
	if strings.Contains(p.Edits[0].Replace, "return 0") {
		return &repair.Assessment{Gate: "head-green", Feedback: "it returns nothing"}, nil
	}
	return &repair.Assessment{Accepted: true, Patch: p}, nil
}

func (o *observer) Behaviour(_ context.Context, p patch.Patch) (string, error) {
	if b := o.behaviours[p.Edits[0].Replace]; b != "" {
		return b, nil
	}
	return p.Edits[0].Replace, nil
}

const (
	short = "    return sum(values) / len(values)"
	long  = "    count = len(values)\n    total = sum(values)\n    return total / count"
	other = "    return sum(values) / max(len(values) - 1, 1)"
	third = "    return sum(values)"
)

func TestTheSmallestPatchOfTheMajorityIsProposed(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		for name, c := range map[string]struct {
			says []string // what each sample proposes; "" gives up
			want string   // the proposed replacement, or the stop
			rest int      // alternatives
		}{
			"two of three agree":                        {[]string{long, other, short}, short, 1},
			"all differ":                                {[]string{short, other, third}, string(fault.Undecided), 3},
			"one finds something":                       {[]string{"", other, ""}, other, 0},
			"two find something different":              {[]string{long, "", other}, string(fault.Undecided), 2},
			"all give up":                               {[]string{"", "", ""}, string(fault.NoPatch), 0},
			"two of five agree, and one other is found": {[]string{"", short, other, long, ""}, short, 1},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, m := wired(t, vendor, func(sample, turn int) llmtest.Turn {
					switch says := c.says[sample]; {
					case turn == 0:
						return reads
					case says == "":
						return llmtest.Turn{Calls: llmtest.Call("give_up", map[string]any{"reason": "unclear"})}
					default:
						return suggests(says)
					}
				})
				tree, _ := repository(t)
				j := &observer{behaviours: map[string]string{short: "mean", long: "mean"}}
				res, err := proposer(m, repair.ModelOptions{Samples: len(c.says)}).Repair(t.Context(), input(tree, j))
				if res == nil {
					t.Fatal(err)
				}
				got := ""
				if stop := fault.AsStop(err); stop != nil {
					got = string(stop.Type)
				} else if err != nil {
					t.Fatal(err)
				} else {
					got = res.Patch.Edits[0].Replace
				}
				rest := len(res.Alternatives)
				if c.rest == 1 && rest == 0 {
					rest = 1 // the others agreed before it was found
				}
				if got != c.want || rest != c.rest {
					t.Errorf("got %q, want %q; alternatives %+v", got, c.want, res.Alternatives)
				}
			})
		}
	})
}

func TestSamplesStopEarlyWhenTheyAgree(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		s, m := wired(t, vendor, func(sample, turn int) llmtest.Turn {
			switch {
			case turn == 0:
				return reads
			case sample == 2:
				return llmtest.Turn{Hang: true} // until the others agree
			}
			return suggests(right)
		})
		tree, _ := repository(t)
		var kinds []string
		in := input(tree, &observer{})
		in.Record = func(kind string, payload any) {
			if _, err := json.Marshal(payload); err != nil {
				t.Errorf("record %s cannot be stored: %v", kind, err)
			}
			kinds = append(kinds, kind)
		}
		res, err := proposer(m, repair.ModelOptions{Samples: 3}).Repair(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if n := in.Judge.(*observer).judged; n != 1 {
			t.Errorf("the same patch was judged %d times", n)
		}
		if res.Patch.Edits[0].Replace != right || res.Agreed != 2 || res.Samples != 3 || len(res.Attempts) != 2 {
			t.Errorf("got %+v", res)
		}
		if n := len(s.Requests()); n > 7 {
			t.Errorf("%d requests, want at most 7", n)
		}
		if kinds[len(kinds)-1] != "spent" {
			t.Errorf("the last record is %s, want spent", kinds[len(kinds)-1])
		}
	})
}

// costly is a script whose answers use what they may: prompts of the size that
// was sent, and answers as long as allowed.
func costly(s **llmtest.Server) llmtest.Script {
	return func(int, int) llmtest.Turn {
		all := (*s).Requests()
		var asked struct {
			Messages  int `json:"max_tokens"`
			Responses int `json:"max_output_tokens"`
		}
		last := all[len(all)-1].Body
		_ = json.Unmarshal(last, &asked)
		turn := reads
		turn.Usage = llm.Usage{Input: len(last) * 2 / 7, Output: asked.Messages + asked.Responses}
		return turn
	}
}

func TestParallelSamplesHoldTheBudgetToTheCent(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		for name, c := range map[string]struct {
			budget repair.Budget
			price  llm.Price
		}{
			"money":          {repair.Budget{Dollars: 0.60}, llm.Price{Input: 3, Output: 15, Cached: 0.3, Written: 3.75}},
			"a little money": {repair.Budget{Dollars: 0.09}, llm.Price{Input: 3, Output: 15, Cached: 0.3, Written: 3.75}},
			"tokens":         {repair.Budget{Tokens: 60_000}, llm.Price{Input: 0.1, Output: 0.2}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var s *llmtest.Server
				s, m := wired(t, vendor, func(sample, turn int) llmtest.Turn { return costly(&s)(sample, turn) })
				tree, _ := repository(t)
				in := input(tree, &observer{})
				in.Budget = c.budget
				res, err := proposer(m, repair.ModelOptions{Samples: 3, Answer: 2000, Prices: llm.Prices{m.Name(): c.price}}).Repair(t.Context(), in)
				if stop := fault.AsStop(err); stop == nil || stop.Type != fault.OverBudget {
					t.Fatalf("got %v, want a stop %s", err, fault.OverBudget)
				}
				spent := s.Spent()
				dollars := c.price.Cost(spent)
				if res.Usage != spent || fmt.Sprintf("%.6f", res.Dollars) != fmt.Sprintf("%.6f", dollars) || res.Unpriced {
					t.Errorf("the result says %+v, %f dollars; the endpoint counted %+v, %f", res.Usage, res.Dollars, spent, dollars)
				}
				b := c.budget.WithDefaults(0)
				if dollars > b.Dollars || spent.Input+spent.Output > b.Tokens {
					t.Errorf("spent %d tokens, %f dollars; the budget is %d and %f", spent.Input+spent.Output, dollars, b.Tokens, b.Dollars)
				}
				if dollars < b.Dollars/2 && spent.Input+spent.Output < b.Tokens/2 {
					t.Errorf("stopped after %d tokens and %f dollars, half of neither budget", spent.Input+spent.Output, dollars)
				}
			})
		}
	})
}

func TestEveryEndKeepsWhatWasTriedAndSpent(t *testing.T) {
	t.Parallel()
	guess := suggests("    return 0")
	refusal := func(status int) llmtest.Turn {
		return llmtest.Turn{Status: status, Body: `{"error":{"type":"x","message":"no"}}`}
	}
	over(t, func(t *testing.T, vendor string) {
		for name, c := range map[string]struct {
			last     llmtest.Turn // after a read and a rejected patch
			stop     fault.StopType
			says     string
			attempts int
		}{
			"giving up":                    {llmtest.Turn{Calls: llmtest.Call("give_up", map[string]any{"reason": "unclear"})}, fault.Rejected, "unclear", 1},
			"a refusal of the model":       {llmtest.Turn{Text: "I cannot help.", Stop: llm.StopRefusal}, fault.Rejected, "refused", 1},
			"a key that is withdrawn":      {refusal(401), fault.NoPatch, "401", 1},
			"an outage":                    {refusal(500), fault.NoPatch, "500", 1},
			"an endpoint that hangs":       {llmtest.Turn{Hang: true}, fault.NoPatch, "no sign of life", 1},
			"a context that is too small":  {llmtest.Turn{Status: 400, Body: `{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}`}, fault.Rejected, "context", 1},
			"a model that only talks":      {llmtest.Turn{Text: "Interesting."}, fault.Rejected, "stopped calling tools", 1},
			"one wrong patch after others": {guess, fault.OverBudget, "attempts", 3},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				idle := time.Minute
				if c.last.Hang {
					idle = 300 * time.Millisecond
				}
				s, m := patient(t, vendor, idle, llmtest.Turns(reads, guess, c.last))
				tree, _ := repository(t)
				in := input(tree, &observer{})
				in.Budget.Attempts = 3
				res, err := proposer(m, repair.ModelOptions{}).Repair(t.Context(), in)
				stop := fault.AsStop(err)
				if stop == nil || stop.Type != c.stop || !strings.Contains(stop.Detail, c.says) {
					t.Errorf("got %v, want a stop %s that says %q", err, c.stop, c.says)
				}
				if res == nil || len(res.Attempts) != c.attempts || res.Attempts[0].Gate != "head-green" || len(res.Patch.Edits) != 0 {
					t.Fatalf("result: %+v", res)
				}
				want := s.Spent()
				want.Unreported = res.Usage.Unreported
				if res.Usage != want || !res.Unpriced || res.Usage.Input < 3500 {
					t.Errorf("usage: got %+v (unpriced %v), want %+v", res.Usage, res.Unpriced, want)
				}
			})
		}
	})
}

func TestAModelThatNeverAnsweredIsAnErrorAndAskedOnce(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		s, m := wired(t, vendor, llmtest.Turns(llmtest.Turn{Status: http.StatusUnauthorized, Body: `{"error":{"message":"bad key"}}`}))
		tree, _ := repository(t)
		_, err := proposer(m, repair.ModelOptions{Samples: 3}).Repair(t.Context(), input(tree, &observer{}))
		if fault.AsStop(err) != nil || fault.KindOf(err) != fault.Denied || len(s.Requests()) != 1 {
			t.Errorf("got %v after %d requests", err, len(s.Requests()))
		}
	})
}

func TestAConversationThatIsTooLongIsCompactedAndGoesOn(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		const most = 60_000 // bytes of a request
		var s *llmtest.Server
		s, m := wired(t, vendor, func(_, turn int) llmtest.Turn {
			all := s.Requests()
			switch {
			case len(all[len(all)-1].Body) > most:
				return llmtest.Turn{Status: 400, Body: `{"error":{"type":"invalid_request_error","message":"This model's maximum context length is 8192 tokens."}}`}
			case turn < 8:
				return llmtest.Turn{Thinking: "Hm.", Calls: llmtest.Call("read_file", map[string]any{"path": "long/module.py"}), Usage: llm.Usage{Input: 100, Output: 10}}
			}
			return suggests(right)
		})
		tree, _ := repository(t)
		res, err := proposer(m, repair.ModelOptions{}).Repair(t.Context(), input(tree, &observer{}))
		if err != nil || res.Patch.Edits[0].Replace != right {
			t.Fatalf("got %+v, %v", res, err)
		}
		long := 0
		for _, r := range s.Requests() {
			if len(r.Body) > most {
				long++
			}
		}
		if long == 0 || long > 6 {
			t.Errorf("%d requests were too long, want a few", long)
		}
	})
}

func TestATraceIsShownAsTheCardPolicySays(t *testing.T) {
	t.Parallel()
	guess := suggests("    return 0")
	for name, c := range map[string]struct {
		policy repair.CardPolicy
		from   int // the first request with the trace; 9 none
	}{
		"always":               {repair.CardAlways, 0},
		"never":                {repair.CardNever, 9},
		"after two failures":   {2, 3},
		"after a failure":      {1, 2},
		"after more than came": {7, 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := wired(t, "anthropic", llmtest.Turns(reads, guess, guess, llmtest.Turn{Calls: llmtest.Call("give_up", map[string]any{"reason": "x"})}))
			tree := t.TempDir()
			write(t, tree, map[string]string{"prog.py": tolls, "stats.py": source})
			in := input(tree, &observer{})
			in.Card, in.Trace = c.policy, traced(t, tolls)
			if _, err := proposer(m, repair.ModelOptions{}).Repair(t.Context(), in); fault.AsStop(err) == nil {
				t.Fatal(err)
			}
			for i, r := range s.Requests() {
				body := string(r.Body)
				shown := strings.Contains(body, "toll(code='a')")
				if tool := strings.Contains(body, `"query_trace"`); shown != (i >= c.from) || tool != shown {
					t.Errorf("request %d: card %v, tool %v, want %v", i, shown, tool, i >= c.from)
				}
			}
		})
	}
}

// seeing is a judge that has traces of heads.
type seeing struct {
	observer
	green []byte
}

func (j *seeing) Judge(ctx context.Context, p patch.Patch) (*repair.Assessment, error) {
	a, err := j.observer.Judge(ctx, p)
	a.Green = j.green
	return a, err
}

func TestAfterARejectionTheGreenTraceCanBeRead(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		asks := func(run string) llmtest.Turn {
			return llmtest.Turn{Calls: llmtest.Call("query_trace", map[string]any{"run": run, "function": "toll"})}
		}
		s, m := wired(t, vendor, llmtest.Turns(asks("green"), suggests("    return 0"), asks("green"), asks("red"),
			llmtest.Turn{Calls: llmtest.Call("give_up", map[string]any{"reason": "x"})}))
		tree := t.TempDir()
		write(t, tree, map[string]string{"prog.py": tolls, "stats.py": source})
		j := &seeing{green: traced(t, strings.ReplaceAll(tolls, "return code\n", "return code.upper()\n"))}
		in := input(tree, j)
		in.Trace = traced(t, tolls)
		_, _ = proposer(m, repair.ModelOptions{}).Repair(t.Context(), in)
		seen := s.Requests()
		for i, want := range []string{"", "no rejected patch of yours has been traced", "parts from the failing one", "→ 2", "→ None"} {
			if body := string(seen[i].Body); !strings.Contains(body, want) {
				t.Errorf("request %d lacks %q", i, want)
			}
		}
	})
}

// recorder runs nothing and keeps what it was asked.
type recorder struct{ runs []repair.TestRun }

func (r *recorder) RunTest(_ context.Context, _ repair.Input, run repair.TestRun) (string, error) {
	r.runs = append(r.runs, run)
	return "Traceback of " + strings.Join(run.Suite, " ") + " for ada.lovelace@corp-internal.example", nil
}

// breaking rejects a patch because of the suite.
type breaking struct{ observer }

func (*breaking) Judge(context.Context, patch.Patch) (*repair.Assessment, error) {
	return &repair.Assessment{Gate: "suite", Feedback: "2 of 9 tests that pass on base fail twice on head: tests/test_a.py::test_one, tests/test_a.py::TestB::test_two[x-1]"}, nil
}

func TestAModelRunsItsCandidatesAndSeesWhyTheSuiteFails(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		edits := []patch.Edit{{Path: "stats.py", Search: wrong, Replace: right}, {Path: "new.py", Replace: "A = 1\n"}}
		runs := func(in map[string]any) llmtest.Turn {
			return llmtest.Turn{Calls: llmtest.Call("run_test", in)}
		}
		s, m := wired(t, vendor, llmtest.Turns(
			runs(map[string]any{"edits": edits}),
			runs(map[string]any{"suite": []string{"tests/test_a.py::test_one"}, "edits": edits}),
			runs(map[string]any{"suite": []string{"--pdb"}}),
			runs(map[string]any{"suite": []string{"../x"}}),
			runs(map[string]any{"suite": []string{"/etc"}}),
			runs(map[string]any{"edits": []patch.Edit{{Path: "conftest.py", Replace: "x"}}}),
			runs(map[string]any{"source": "def test_x(): pass", "suite": []string{"tests"}}),
			suggests(right),
			llmtest.Turn{Calls: llmtest.Call("give_up", map[string]any{"reason": "x"})}))
		tree, _ := repository(t)
		r := &recorder{}
		_, _ = proposer(m, repair.ModelOptions{Tests: r}).Repair(t.Context(), input(tree, &breaking{}))
		if len(r.runs) != 3 {
			t.Fatalf("%d runs, want the candidate's test, the suite's and the broken tests: %+v", len(r.runs), r.runs)
		}
		if o := r.runs[0].Overlay; !strings.Contains(string(o["stats.py"]), right) || string(o["new.py"]) != "A = 1\n" || r.runs[0].Suite != nil {
			t.Errorf("the first run: %+v", r.runs[0])
		}
		if got := strings.Join(r.runs[2].Suite, " "); got != "tests/test_a.py::TestB::test_two[x-1] tests/test_a.py::test_one" || r.runs[2].Overlay == nil {
			t.Errorf("the broken tests: %+v", r.runs[2])
		}
		last := string(s.Requests()[8].Body)
		if !strings.Contains(last, "Traceback of tests/test_a.py::TestB") || strings.Contains(last, "ada.lovelace@corp-internal") {
			t.Error("the tracebacks of the suite are missing or not redacted")
		}
	})
}

func TestFilesAreListed(t *testing.T) {
	t.Parallel()
	tree, _ := repository(t)
	m := &llm.Scripted{Turns: []llm.Turn{llm.Call("list_files", map[string]any{}), llm.Call("list_files", map[string]any{"under": "long"}),
		llm.Call("list_files", map[string]any{"under": "../.."}), llm.Call("list_files", map[string]any{"under": ".git"}), llm.Call("give_up", map[string]any{"reason": "x"})}}
	_, _ = proposer(m, repair.ModelOptions{}).Repair(t.Context(), input(tree, &judge{}))
	var got []string
	for _, msg := range m.Requests()[4].Messages {
		for _, r := range msg.Results {
			got = append(got, r.Text.String())
		}
	}
	if !strings.Contains(got[0], "README.md\nbig.py\ndata.bin\nlong/module.py\nstats.py\n") {
		t.Errorf("all files: %s", got[0])
	}
	if strings.Contains(got[1], "stats.py") || !strings.Contains(got[1], filepath.Join("long", "module.py")) {
		t.Errorf("a folder: %s", got[1])
	}
	for _, r := range got[2:] {
		if !strings.Contains(r, "not inside the repository") {
			t.Errorf("a path outside: %s", r)
		}
	}
}

func TestACancelledRepairEndsAtOnce(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		ctx, cancel := context.WithCancel(t.Context())
		_, m := wired(t, vendor, func(_, turn int) llmtest.Turn {
			if turn > 0 {
				cancel()
				return llmtest.Turn{Hang: true}
			}
			return reads
		})
		tree, _ := repository(t)
		res, err := proposer(m, repair.ModelOptions{Samples: 3}).Repair(ctx, input(tree, &observer{}))
		if fault.AsStop(err) != nil || !errors.Is(err, context.Canceled) || res == nil || res.Usage.Input < 1500 {
			t.Errorf("got %+v, %v", res, err)
		}
	})
}

func TestAnOpeningThatIsTooLongIsShortened(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, vendor string) {
		const most = 28_000 // bytes of a request
		var s *llmtest.Server
		s, m := wired(t, vendor, func(int, int) llmtest.Turn {
			all := s.Requests()
			if len(all[len(all)-1].Body) > most {
				return llmtest.Turn{Status: 400, Body: `{"error":{"message":"the request exceeds the available context size"}}`}
			}
			return suggests(right)
		})
		tree, _ := repository(t)
		in := input(tree, &observer{})
		for i := range 8 {
			name := fmt.Sprintf("part%d.py", i)
			write(t, tree, map[string]string{name: "def f():\n" + strings.Repeat("    some_statement_of_this_function()\n", 140)})
			in.Frames = append(in.Frames, incident.Frame{File: name, Function: "f", Line: 2, InApp: true})
		}
		res, err := proposer(m, repair.ModelOptions{}).Repair(t.Context(), in)
		if err != nil || res.Patch.Edits[0].Replace != right {
			t.Fatalf("got %+v, %v", res, err)
		}
		if first := len(s.Requests()[0].Body); first <= most {
			t.Errorf("the first request had %d bytes, and was not too long", first)
		}
	})
}
