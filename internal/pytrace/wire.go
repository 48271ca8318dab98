package pytrace

import "strings"

// Bounds of one line. The tracer keeps within them by far.
const (
	maxLine       = 256 << 10
	maxValueDepth = 12
	maxName       = 1000
	maxFrames     = 1000 // of one stack
)

// A wireRecord is one line of any kind; SCHEMA.md says which keys go with
// which. A key that the kind does not use may be left unset.
type wireRecord struct {
	K, X, Xm, Msg, O, Name, State, File, F, Kind, Python, Engine, Cwd, Lost, Dead string
	Exe, At, Why, How                                                             string

	I, P, T, E, Ctx                                           int64
	C, D, N, Th, Late, Gap, H, After, Line, PID, PPID, Forked int
	Records, Written, Dropped, Uncall, Faults, Over           int
	L                                                         int   // where "l" is a number
	Ls                                                        []int // where it is a list
	Ta, To, Hit, Min                                          int
	On                                                        int     // where "o" is a number
	Ts                                                        float64 // where "ts" is a number
	A, M, Loc, S                                              []Var
	Stack, Frames                                             []Frame
	W                                                         []Watch
	V                                                         *Value
	Df, Args, Argv                                            []string
	From                                                      *Origin
}

// wireKeys are the keys of a line. As encoding/json does, a key that is none
// of them is compared without regard to case.
var wireKeys = strings.Fields("k i p c d n t l th late gap a m loc v df e x xm msg ctx h o after name state file f kind args " +
	"line pid ppid python engine argv cwd forked records written dropped uncalled faults oversize lost dead from " +
	"exe at why how ta to hit min ts s stack frames w")

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// A decoder decodes lines. What it returns shares memory.
type decoder struct {
	scanner
	texts
	vars   list[Var]
	values list[Value]
	pairs  list[[2]Value]
	names  list[string]

	keys  int  // of the line so far
	eager bool // decode also what the kind does not use
	again bool // the kind came late: decode once more, eagerly
	left  int  // values that may still be decoded
	over  bool // that bound was reached
}

// line decodes one line into w. What is not valid, or of another type than the
// schema says, gives false.
func (d *decoder) line(line []byte, w *wireRecord) bool {
	d.eager, d.again = false, false
	ok := d.object(line, w)
	if d.again {
		d.eager = true
		ok = d.object(line, w)
	}
	return ok && w.I >= 0 && w.P >= 0 && w.C >= 0 && w.N >= 0 && w.E >= 0 && w.Th >= 0 && w.Ta >= 0 && w.D >= 0 &&
		w.I <= 1<<40 && w.P <= 1<<40 && w.E <= 1<<40
}

func (d *decoder) object(line []byte, w *wireRecord) bool {
	*w = wireRecord{}
	d.b, d.i, d.depth, d.keys = line, 0, 0, 0
	if d.null() {
		return d.end()
	}
	if !d.open('{') {
		return false
	}
	for ; ; d.keys++ {
		more, ok := d.next('}', d.keys)
		if !ok {
			return false
		}
		if !more {
			return d.end()
		}
		key, ok := d.key()
		if !ok || !d.field(key, w) {
			return false
		}
	}
}

func (d *decoder) end() bool { return d.peek() == 0 && d.i == len(d.b) }

// field decodes the value of a key.
func (d *decoder) field(key []byte, w *wireRecord) bool {
	switch string(key) {
	case "k":
		if d.keys > 0 && !d.eager {
			d.again = true
			return false
		}
		return d.str(&w.K)
	case "i":
		return d.long(&w.I)
	case "p":
		return d.long(&w.P)
	case "c":
		return d.int(&w.C)
	case "d":
		return d.int(&w.D)
	case "n":
		return d.int(&w.N)
	case "t":
		return d.long(&w.T)
	case "l":
		return d.lines(w)
	case "v":
		return d.result(w)
	case "a":
		return d.pairsOf(&w.A, w.K == "call")
	case "m":
		return d.pairsOf(&w.M, w.K == "ret" || w.K == "unwind")
	case "s":
		return d.pairsOf(&w.S, w.K == "step" || w.K == "ret" || w.K == "unwind")
	case "loc":
		return d.pairsOf(&w.Loc, w.K == "raise")
	case "e":
		return d.long(&w.E)
	case "th":
		return d.int(&w.Th)
	}
	return d.rareField(key, w)
}

func (d *decoder) rareField(key []byte, w *wireRecord) bool {
	if to := w.textOf(key); to != nil {
		return d.str(to)
	}
	if to := w.intOf(key); to != nil {
		return d.int(to)
	}
	switch string(key) {
	case "ctx":
		return d.long(&w.Ctx)
	case "df":
		return d.strs(&w.Df)
	case "args":
		return d.strs(&w.Args)
	case "argv":
		return d.strs(&w.Argv)
	case "from":
		return d.origin(w)
	case "o":
		return d.outcome(w)
	case "ts":
		return d.float(&w.Ts)
	case "stack":
		return d.framesOf(&w.Stack, w.K == string(KindSnapshot))
	case "frames":
		return d.framesOf(&w.Frames, w.K == "stack")
	case "w":
		return d.watches(w)
	}
	for _, name := range wireKeys {
		if strings.EqualFold(name, string(key)) && name != string(key) {
			return d.field([]byte(name), w)
		}
	}
	return d.skip(false)
}

func (w *wireRecord) textOf(key []byte) *string {
	switch string(key) {
	case "x":
		return &w.X
	case "xm":
		return &w.Xm
	case "msg":
		return &w.Msg
	case "name":
		return &w.Name
	case "state":
		return &w.State
	case "file":
		return &w.File
	case "f":
		return &w.F
	case "kind":
		return &w.Kind
	case "python":
		return &w.Python
	case "engine":
		return &w.Engine
	case "cwd":
		return &w.Cwd
	case "lost":
		return &w.Lost
	case "dead":
		return &w.Dead
	case "exe":
		return &w.Exe
	case "at":
		return &w.At
	case "why":
		return &w.Why
	case "how":
		return &w.How
	}
	return nil
}

func (w *wireRecord) intOf(key []byte) *int {
	switch string(key) {
	case "late":
		return &w.Late
	case "gap":
		return &w.Gap
	case "h":
		return &w.H
	case "after":
		return &w.After
	case "line":
		return &w.Line
	case "pid":
		return &w.PID
	case "ppid":
		return &w.PPID
	case "forked":
		return &w.Forked
	case "records":
		return &w.Records
	case "written":
		return &w.Written
	case "dropped":
		return &w.Dropped
	case "uncalled":
		return &w.Uncall
	case "faults":
		return &w.Faults
	case "oversize":
		return &w.Over
	case "ta":
		return &w.Ta
	case "to":
		return &w.To
	case "hit":
		return &w.Hit
	case "min":
		return &w.Min
	}
	return nil
}

// str decodes a string; null leaves it as it is, here and below.
func (d *decoder) str(to *string) bool {
	if d.null() {
		return true
	}
	text, ok := d.text()
	if ok {
		*to = d.keep(text)
	}
	return ok
}

func (d *decoder) long(to *int64) bool {
	n, ok := d.short()
	if !ok {
		if d.null() {
			return true
		}
		n, ok = d.integer()
	}
	if ok {
		*to = n
	}
	return ok
}

func (d *decoder) int(to *int) bool {
	n := int64(*to)
	ok := d.long(&n)
	*to = int(n)
	return ok
}

// strs decodes a list and keeps the strings in it.
func (d *decoder) strs(to *[]string) bool {
	*to = nil
	if d.null() {
		return true
	}
	mark := d.names.mark()
	ok := d.each(func() bool {
		if d.peek() != '"' {
			return d.skip(true)
		}
		text, ok := d.text()
		if ok {
			d.names.push(clip(d.keep(text), maxName))
		}
		return ok
	})
	*to = d.names.cut(mark)
	return ok
}

// each calls f at each element of a list.
func (d *decoder) each(f func() bool) bool {
	if !d.open('[') {
		return false
	}
	for n := 0; ; n++ {
		more, ok := d.next(']', n)
		if !ok || !more {
			return ok
		}
		if !f() {
			return false
		}
	}
}

// lines decodes a line number, a list of them, or what is neither.
func (d *decoder) lines(w *wireRecord) bool {
	w.L, w.Ls = 0, nil
	if d.peek() != '[' {
		n, ok := d.natural()
		w.L = n
		return ok
	}
	return d.each(func() bool {
		n, ok := d.natural()
		if n > 0 {
			w.Ls = append(w.Ls, n)
		}
		return ok
	})
}

func (d *decoder) origin(w *wireRecord) bool {
	if d.null() {
		w.From = nil
		return true
	}
	if !d.open('{') {
		return false
	}
	if w.From == nil {
		w.From = &Origin{}
	}
	for n := 0; ; n++ {
		more, ok := d.next('}', n)
		if !ok || !more {
			return ok
		}
		key, ok := d.key()
		if !ok {
			return false
		}
		switch name := string(key); {
		case strings.EqualFold(name, "file"):
			ok = d.str(&w.From.File)
		case strings.EqualFold(name, "name"):
			ok = d.str(&w.From.Name)
		case strings.EqualFold(name, "line"):
			ok = d.int(&w.From.Line)
		default:
			ok = d.skip(false)
		}
		if !ok {
			return false
		}
	}
}
