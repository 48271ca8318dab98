package page

// Bounds of a page.
const (
	maxPageCalls  = 400_000
	maxPageEvents = 600_000
	maxPageText   = 96 << 20 // bytes of values
	pageValue     = 700      // bytes of one value
	pageBrief     = 76       // of the arguments of a call, in a line
)

// A pageData is what the page's script reads.
type pageData struct {
	Title   string       `json:"title"`
	Traces  []*pageTrace `json:"traces"`
	Compare *pageCompare `json:"compare,omitempty"`
}

// A pageTrace holds a trace in columns: the n-th entry of each is of the n-th
// call. Texts are numbers of entries of Strings, in which identities stand
// between marks.
type pageTrace struct {
	Label      string        `json:"label"` // trace, red or green
	Summary    string        `json:"summary"`
	Notes      []string      `json:"notes"`
	Groups     []pageGroup   `json:"groups"`
	Files      []pageFile    `json:"files"`
	Codes      []pageCode    `json:"codes"`
	Strings    []string      `json:"strings"`
	Calls      pageCalls     `json:"calls"`
	Events     pageEvents    `json:"events"`
	Findings   []pageFinding `json:"findings"`
	Counts     [][]int64     `json:"counts"` // code, calls, total, self, raised; most called first
	Exceptions [][]int       `json:"exceptions"`
}

// A pageGroup is the calls of a thread that nothing in scope made.
type pageGroup struct {
	Name  string  `json:"name"`
	Roots []int32 `json:"roots"`
}

type pageFile struct {
	Name     string `json:"name"`
	Source   string `json:"source,omitempty"`
	Executed []int  `json:"executed,omitempty"` // lines that ran
}

type pageCode struct {
	Name string `json:"name"`
	File int    `json:"file"`
	Line int    `json:"line"`
	Kind string `json:"kind,omitempty"`
}

type pageCalls struct {
	ID     []string `json:"id"` // as views write it
	Parent []int32  `json:"parent"`
	Code   []int    `json:"code"`
	From   []int    `json:"from"`  // line in the caller, 0 unknown
	Start  []int    `json:"start"` // record, 0 for none
	End    []int    `json:"end"`   // record, 0 for none
	Began  []int64  `json:"began"` // microseconds
	Total  []int64  `json:"total"`
	Args   [][]int  `json:"args"`   // name, value, name, value, …
	Brief  []int    `json:"brief"`  // the arguments in short, 0 where they are
	Result []int    `json:"result"` // value, 0 for none
	Left   []int    `json:"left"`   // class of the exception that left it, 0 for none
	Line   []int    `json:"line"`   // where it ended
	Flags  []int    `json:"flags"`  // 1 raised here, 2 swallowed here, 4 changed an argument, 8 arguments as of an exception
	Below  []int32  `json:"below"`  // calls below
	Loud   []int    `json:"loud"`   // 1: an exception was raised or swallowed here or below
	Task   []int    `json:"task"`   // its name, 0 for none
	Fold   [][]int  `json:"fold"`   // first call, period, times
	Event  []int32  `json:"event"`  // where its events begin; one more than there are calls
}

// pageEvents are what happened within calls, by call and in order.
type pageEvents struct {
	Record []int    `json:"record"`
	Kind   []string `json:"kind"` // raise, local, pass, handled, yield, resume, step, set, br, changed
	Line   []int    `json:"line"`
	Text   []int    `json:"text"`
}

type pageFinding struct {
	Kind    string `json:"kind"`
	Text    string `json:"text"`
	Place   string `json:"place"`
	Name    string `json:"name"`
	Records []int  `json:"records"`
}
