package llm

// A Price is what a vendor charges for a model, in US dollars per million
// tokens. It comes from the configuration; repaird has no built-in prices.
type Price struct {
	Input  float64 `json:"input" yaml:"input"`   // uncached prompt tokens
	Output float64 `json:"output" yaml:"output"` // completion tokens
	Cached float64 `json:"cached" yaml:"cached"` // prompt tokens read from the vendor's cache
}

// Prices maps a [Model]'s name (vendor/model) to its price.
type Prices map[string]Price

// Cost returns the cost of u with the named model, in US dollars. If no price is
// configured, known is false and dollars is 0: records must then say that the
// cost is unknown, not that it was zero.
func (p Prices) Cost(model string, u Usage) (dollars float64, known bool) {
	price, known := p[model]
	if !known {
		return 0, false
	}
	fresh := max(u.Input-u.Cached, 0)
	const million = 1e6
	return (float64(fresh)*price.Input + float64(u.Cached)*price.Cached + float64(u.Output)*price.Output) / million, true
}
