package repair

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
)

var (
	//go:embed prompts/reader.md
	readerPrompt string
	//go:embed prompts/review.md
	reviewPrompt string
)

// A Reader reads a patch that has passed the gates, in a conversation that knows
// nothing of how it was found, and may veto it with a reason. A veto lowers what
// a verdict comes to; that there is none raises nothing.
type Reader interface {
	// Read returns what the reader says. Its error is that of a model
	// (fault.Retryable, Denied, Invalid), or *fault.Stop budget; the Reading
	// that comes with it has only Usage and cost.
	Read(ctx context.Context, r Review) (*Reading, error)
}

// A Review is what a reader is shown. Its texts are not redacted.
type Review struct {
	Tree       string       // host directory of the base commit's tree
	Patch      patch.Patch  // its rationale is not shown
	Answers    []AnswerPair // of the failing call, and of calls near it; at most twenty are shown
	Divergence string       // divergence card
	Redactor   *redact.Redactor
	Known      *redact.Known
	Budget     Budget                         // tokens, dollars and time of the reading; zero fields mean a repair's defaults
	Record     func(kind string, payload any) // one entry of the ledger: reading; may be nil
}

// An AnswerPair is what one call answered on base and on head.
type AnswerPair struct{ Call, Before, After string }

// A Reading is what a reader says.
type Reading struct {
	Model    string    `json:"model"`
	Veto     bool      `json:"veto"`
	Reason   string    `json:"reason"` // redacted
	Usage    llm.Usage `json:"usage"`
	Dollars  float64   `json:"dollars"`
	Unpriced bool      `json:"unpriced,omitempty"` // Dollars is unknown
}

const toolReport = "report"

type modelReader struct {
	model llm.Model
	opts  ModelOptions
}

// NewReader returns a reader that is a model. Of the options it heeds Prices,
// Temperature, Effort and Answer.
func NewReader(model llm.Model, opts ModelOptions) Reader {
	return &modelReader{model, opts.withDefaults()}
}

// Read asks once; an answer that is not a report is asked for again, twice.
func (m *modelReader) Read(ctx context.Context, r Review) (_ *Reading, err error) {
	defer fault.Wrap(&err, "read patch %s with %s", r.Patch.ID(), m.model.Name())
	if r.Redactor == nil {
		return nil, fault.Errorf(fault.Internal, "a reading needs a redactor")
	}
	clean := cleaner{r.Redactor, r.Known}
	message, err := r.message(clean)
	if err != nil {
		return nil, err
	}
	report, err := loadTool(toolReport, "Says whether the patch should be proposed.")
	if err != nil {
		return nil, err
	}
	budget := r.Budget.WithDefaults(1)
	ctx, cancel := context.WithTimeout(ctx, budget.Time)
	defer cancel()
	purse := newPurse(budget, m.opts.Prices, m.model.Name())
	req := llm.Request{System: clean.fill(readerPrompt, nil), Messages: []llm.Message{{Role: llm.User, Text: message}}, Tools: []llm.Tool{report.Tool},
		Temperature: m.opts.Temperature, Effort: m.opts.Effort}
	out := &Reading{Model: m.model.Name()}
	defer func() {
		priced := false
		out.Usage, out.Dollars, priced = purse.used()
		out.Unpriced = out.Usage.Used() && !priced
		if r.Record != nil {
			r.Record("reading", out)
		}
	}()
	const tries = 3
	for range tries {
		said, err := m.ask(ctx, purse, &req, report)
		if err != nil {
			return out, err
		}
		if said != nil {
			out.Veto, out.Reason = said.Veto, clean.text(said.Reason, 2000).String()
			return out, nil
		}
	}
	return out, fault.Errorf(fault.Invalid, "the model did not report in %d answers", tries)
}

type reportInput struct {
	Veto   bool   `json:"veto"`
	Reason string `json:"reason"`
}

// ask makes one request; it returns nil if the answer was not a report, and then
// prepares the next request.
func (m *modelReader) ask(ctx context.Context, purse *purse, req *llm.Request, report tool) (*reportInput, error) {
	n := atMost(req.System.String()) + atMost(string(report.Schema))
	for _, msg := range req.Messages {
		n += weigh(msg, atMost)
	}
	g, err := purse.grant(ctx, n, m.opts.Answer)
	var short *exhausted
	if errors.As(err, &short) {
		return nil, &fault.Stop{Type: fault.OverBudget, Detail: fmt.Sprintf("The reading's budget of %s is exhausted (%s).", short.what, short.detail), Help: "Raise the budget."}
	} else if err != nil {
		return nil, err
	}
	req.MaxTokens = g.answer
	resp, err := m.model.Generate(ctx, *req)
	if resp == nil {
		resp = &llm.Response{}
	}
	g.settle(resp.Usage)
	if err != nil {
		return nil, err
	}
	if resp.Stop == llm.StopRefusal {
		return nil, fault.Errorf(fault.Invalid, "the model refused to read the patch")
	}
	for _, c := range resp.Calls {
		var in reportInput
		if c.Name == report.Name && report.decode(c.Input, &in) == nil {
			return &in, nil
		}
	}
	// The answer is not kept: what follows is the same question once more.
	if last := &req.Messages[0]; resp.Stop == llm.StopMaxTokens {
		last.Text = redact.Concat(last.Text, redact.Constant("\n\nBe brief."))
	}
	return nil, nil
}

// message is what the reader is shown.
func (r Review) message(c cleaner) (redact.Clean, error) {
	base := patch.Dir(r.Tree)
	overlay, err := patch.Apply(base, r.Patch)
	if err != nil {
		return redact.Clean{}, err
	}
	diff, err := patch.Diff(base, overlay)
	if err != nil {
		return redact.Clean{}, err
	}
	var answers strings.Builder
	for _, a := range r.Answers[:min(len(r.Answers), 20)] {
		fmt.Fprintf(&answers, "%s\n  before: %s\n  after:  %s\n", oneLine(a.Call, 600), oneLine(a.Before, 400), oneLine(a.After, 400))
	}
	documentation, err := r.documentation()
	if err != nil {
		return redact.Clean{}, err
	}
	or := func(source redact.Clean, text redact.Clean) redact.Clean {
		if text.Empty() {
			return redact.Constant("Nothing.")
		}
		return quoted(source, text)
	}
	return c.fill(reviewPrompt, map[string]redact.Clean{
		"documentation": or(redact.Constant("repository"), c.code(documentation, maxTest)),
		"diff":          or(redact.Constant("patch"), c.code(diff, maxCode)),
		"answers":       or(redact.Constant("answers"), c.text(answers.String(), maxResult)),
		"divergence":    or(redact.Constant("trace"), c.text(r.Divergence, maxCard)),
	}), nil
}

// documentation is the docstrings, on base, of the functions that the patch
// changes, and of their classes and modules.
func (r Review) documentation() (string, error) {
	tree, err := openTree(r.Tree)
	if err != nil {
		return "", err
	}
	defer tree.close()
	var b strings.Builder
	paths := r.Patch.Paths()
	slices.Sort(paths)
	for _, name := range paths {
		text, err := tree.read(name)
		if err != nil {
			continue // a new file
		}
		var lines []int
		for _, e := range r.Patch.Edits {
			if i := strings.Index(text, e.Search); e.Path == name && e.Search != "" && i >= 0 {
				first := 1 + strings.Count(text[:i], "\n")
				for n := range strings.Count(e.Search, "\n") + 1 {
					lines = append(lines, first+n)
				}
			}
		}
		fmt.Fprintf(&b, "%s\n%s", name, newModule(name, text).documentation(lines))
	}
	return b.String(), nil
}

// documentation returns the docstrings of what contains one of the lines,
// numbered from 1, each after the head of what it documents.
func (m *module) documentation(lines []int) string {
	var b strings.Builder
	docstring := func(i int) {
		if i < len(m.statements) && strings.ContainsAny(m.statements[i].head[:1], `"'rRuU`) && strings.ContainsAny(m.statements[i].head[:min(3, len(m.statements[i].head))], `"'`) {
			b.WriteString(strings.Join(m.lines[m.statements[i].first:m.statements[i].last+1], "\n") + "\n")
		}
	}
	docstring(0)
	for i, s := range m.statements {
		w := m.whole(i)
		if s.defines() && slices.ContainsFunc(lines, func(n int) bool { return w.first <= n-1 && n-1 <= w.last }) {
			b.WriteString(strings.Join(m.lines[s.first:s.last+1], "\n") + "\n")
			docstring(i + 1)
		}
	}
	return b.String()
}
