package llm

// A Price is what a vendor charges for a model, in US dollars for a million
// tokens. It comes from configuration: repaird knows no prices of its own.
type Price struct {
	Input  float64 `json:"input" yaml:"input"`   // of prompt tokens that were not cached
	Output float64 `json:"output" yaml:"output"` // of answer tokens
	Cached float64 `json:"cached" yaml:"cached"` // of prompt tokens read from the vendor's cache
}

// Prices maps a [Model]'s name (vendor/model) to its price.
type Prices map[string]Price

// Cost returns what u costs with the named model, in dollars. known is false,
// and the cost zero, where no price is configured: a record must then say that
// the cost is unknown, not that it was nothing.
func (p Prices) Cost(model string, u Usage) (dollars float64, known bool) {
	price, known := p[model]
	if !known {
		return 0, false
	}
	fresh := max(u.Input-u.Cached, 0)
	const million = 1e6
	return (float64(fresh)*price.Input + float64(u.Cached)*price.Cached + float64(u.Output)*price.Output) / million, true
}
