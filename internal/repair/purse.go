package repair

import (
	"context"
	"fmt"
	"sync"

	"github.com/repaird/repaird/internal/llm"
)

// minAnswer is the least number of tokens for which an answer is asked.
const minAnswer = 512

// A purse is the tokens and the money of a repair, shared by its samples. Before
// a request its highest cost is set aside, so that requests in flight cannot
// exceed the budget together.
type purse struct {
	tokens  int
	dollars float64
	price   llm.Price
	priced  bool // else money is not limited

	mu      sync.Mutex
	spent   llm.Usage
	set     map[*grant]bool // set aside
	settled chan struct{}   // closed at the next settlement
}

func newPurse(b Budget, prices llm.Prices, model string) *purse {
	price, known := prices[model]
	return &purse{tokens: b.Tokens, dollars: b.Dollars, price: price, priced: known, set: map[*grant]bool{}, settled: make(chan struct{})}
}

// A grant is what a request may cost.
type grant struct {
	*purse
	answer  int // completion tokens
	tokens  int
	dollars float64
}

// exhausted is the error when a request does not fit into what is left.
type exhausted struct{ what, detail string }

func (e *exhausted) Error() string { return "budget of " + e.what + " is exhausted: " + e.detail }

// grant sets aside what a request of at most prompt tokens and an answer costs.
// If that does not fit, it waits for other requests to settle, and then grants a
// shorter answer. Its error is *exhausted or ctx's.
func (p *purse) grant(ctx context.Context, prompt, answer int) (*grant, error) {
	for {
		g, wait, err := p.try(prompt, answer)
		if g != nil || err != nil {
			return g, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-wait:
		}
	}
}

func (p *purse) try(prompt, answer int) (*grant, chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const million = 1e6
	tokens, dollars := p.tokens-p.spent.Input-p.spent.Output, p.dollars-p.price.Cost(p.spent)
	for g := range p.set {
		tokens, dollars = tokens-g.tokens, dollars-g.dollars
	}
	fits := min(answer, tokens-prompt)
	what := "tokens"
	if p.priced && p.price.Output > 0 {
		if n := int((dollars*million - float64(prompt)*p.price.Most()) / p.price.Output); n < fits {
			fits, what = n, "money"
		}
	} else if p.priced && dollars*million < float64(prompt)*p.price.Most() {
		fits, what = 0, "money"
	}
	if fits < answer && len(p.set) > 0 {
		return nil, p.settled, nil
	}
	if fits < min(minAnswer, answer) {
		return nil, nil, &exhausted{what, p.detail(what, prompt)}
	}
	g := &grant{purse: p, answer: fits, tokens: prompt + fits,
		dollars: (float64(prompt)*p.price.Most() + float64(fits)*p.price.Output) / million}
	p.set[g] = true
	return g, nil, nil
}

func (p *purse) detail(what string, prompt int) string {
	if what == "money" {
		return fmt.Sprintf("%.2f of %.2f dollars are spent, and the next request may cost more than the rest", p.price.Cost(p.spent), p.dollars)
	}
	return fmt.Sprintf("%d of %d are used, and the next request has up to %d", p.spent.Input+p.spent.Output, p.tokens, prompt)
}

// settle replaces what was set aside by what was used.
func (g *grant) settle(u llm.Usage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.set, g)
	g.spent = g.spent.Add(u)
	close(g.settled)
	g.settled = make(chan struct{})
}

// used returns what was spent.
func (p *purse) used() (u llm.Usage, dollars float64, priced bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spent, p.price.Cost(p.spent), p.priced
}

// atMost is an upper bound on the tokens of a text, for any vendor's tokenizer
// and text of a usual kind: two letters of a token each, and digits and bytes
// outside ASCII one.
func atMost(s string) int {
	n := 0
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || '0' <= c && c <= '9' {
			n += 2
		} else {
			n++
		}
	}
	return n/2 + 8
}
