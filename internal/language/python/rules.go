// Package python is Python as the rest of repaird sees it: the contract of
// package language, put together from the rooms below.
package python

// Rules implements language.Rules.
type Rules struct{}

// Body implements language.Rules.
func (Rules) Body(function string) bool { return function == "<module>" }

// Inlined implements language.Rules: comprehensions have frames of their own up
// to Python 3.11, and none from 3.12 on.
func (Rules) Inlined(function string) bool {
	switch function {
	case "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>":
		return true
	}
	return false
}

// Exhausts implements language.Rules.
func (Rules) Exhausts(exception string) bool { return exception == "RecursionError" }
