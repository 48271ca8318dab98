package pytrace

// A Finding is one thing that is odd in a trace, with its evidence.
type Finding struct {
	Kind    string  `json:"kind"` // swallowed, shared-state, chain, mutated, recursion, none
	Text    string  `json:"text"` // one or two sentences
	Records []int   `json:"records"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Name    string  `json:"name"`   // function
	Weight  float64 `json:"weight"` // rank, highest first
}

// Findings returns what is odd, most telling first, at most 20.
func (t *Trace) Findings() []Finding { panic("contract only") }

// CardOptions bound and shape a card.
type CardOptions struct {
	Tokens int                      // at most so many, default 3,000
	Root   string                   // cut from file names: the tree's place in the sandbox
	Source func(file string) []byte // source of a file as the trace names it, for lines beside the path; may be nil
}

// A Card is the compressed evidence of one red trace.
type Card struct {
	Text     string    `json:"text"`   // Markdown
	Tokens   int       `json:"tokens"` // estimate for Text
	Findings []Finding `json:"findings"`
}

// Diagnose makes the diagnosis card: the way to the crash with its values,
// swallowed exceptions and findings. Equal traces give equal cards.
func Diagnose(t *Trace, opts CardOptions) Card { panic("contract only") }

// A Divergence is where two runs of one test part.
type Divergence struct {
	Found     bool       `json:"found"`
	Kind      string     `json:"kind"`     // argument, return, exception, call, end, none
	RedCall   *Record    `json:"red_call"` // the call in which they part
	GreenCall *Record    `json:"green_call"`
	Changed   []Change   `json:"changed"` // the values that differ there
	Text      string     `json:"text"`    // side by side, monospace, at most one screen
	Lines     []CardLine `json:"lines"`   // the same as rows of a table
}

// A Change is one value that differs between the runs.
type Change struct {
	Name  string `json:"name"` // argument, attribute, "return" or "raise"
	Red   string `json:"red"`
	Green string `json:"green"`
}

// A CardLine is one row of the divergence card.
type CardLine struct {
	Red     string `json:"red"`
	Green   string `json:"green"`
	Differs bool   `json:"differs"`
	Where   string `json:"where,omitempty"` // file:line
}

// Diverge aligns two runs of the same test and says where they part.
func Diverge(red, green *Trace, opts CardOptions) Divergence { panic("contract only") }

// A Query selects records. Zero fields do not restrict.
type Query struct {
	Function string // qualified name or its last part
	File     string // suffix of the file's path
	Text     string // substring of the record's rendering
	CallID   int64  // the call's own records and those of its direct calls
	Around   int    // record id: records near it
	Kind     Kind   //
	Limit    int    // default 50, at most 500
}

// Query returns the records in order. Format renders them.
func (t *Trace) Query(q Query) []Record { panic("contract only") }

// Format renders records, one a line, in at most max bytes (default 8,000).
func Format(records []Record, root string, max int) string { panic("contract only") }
