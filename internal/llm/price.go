package llm

// A Price is what a vendor charges for a model, in US dollars per million
// tokens. It comes from the configuration; repaird has no built-in prices.
type Price struct {
	Input   float64 `json:"input" yaml:"input"`     // prompt tokens that neither come from the vendor's cache nor go there
	Output  float64 `json:"output" yaml:"output"`   // completion tokens
	Cached  float64 `json:"cached" yaml:"cached"`   // prompt tokens read from the vendor's cache
	Written float64 `json:"written" yaml:"written"` // prompt tokens written to it
}

// Cost returns the cost of u in US dollars.
func (p Price) Cost(u Usage) float64 {
	const million = 1e6
	fresh := max(u.Input-u.Cached-u.Written, 0)
	return (float64(fresh)*p.Input + float64(u.Cached)*p.Cached + float64(u.Written)*p.Written + float64(u.Output)*p.Output) / million
}

// Most returns the highest price of a prompt token, in US dollars per million.
func (p Price) Most() float64 { return max(p.Input, p.Cached, p.Written) }

// Prices maps a [Model]'s name (vendor/model) to its price.
type Prices map[string]Price

// Cost returns the cost of u with the named model, in US dollars. If no price is
// configured, known is false and dollars is 0: records must then say that the
// cost is unknown, not that it was zero.
func (p Prices) Cost(model string, u Usage) (dollars float64, known bool) {
	price, known := p[model]
	return price.Cost(u), known
}
