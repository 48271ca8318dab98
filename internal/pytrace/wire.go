package pytrace

// Bounds of one line. The tracer keeps within them by far.
const (
	maxLine       = 256 << 10
	maxValueDepth = 12
	maxLineValues = 20_000 // values of one key, inner ones included; what is over it reads as cut
	maxName       = 1000
	maxFrames     = 1000 // of one stack
)

// A wireType is what the value of a key must be.
type wireType uint8

const (
	typeAny wireType = iota
	typeText
	typeInt
	typeList
	typeHead // of a key that event holds
)

// wireTypes are the keys of a line whose values must have a type, or be null,
// which is as if they were not there. A line where one has another type is not
// valid. Of equal keys the last counts.
var wireTypes = map[string]wireType{
	"k": typeHead, "i": typeHead, "p": typeHead, "c": typeHead, "d": typeHead, "n": typeHead, "t": typeHead, "e": typeHead,
	"th": typeHead, "ta": typeHead, "l": typeHead,
	"x": typeText, "xm": typeText, "msg": typeText, "name": typeText, "state": typeText, "file": typeText, "f": typeText, "kind": typeText, "sig": typeText,
	"python": typeText, "engine": typeText, "exe": typeText, "cwd": typeText, "lost": typeText, "dead": typeText, "at": typeText,
	"why": typeText, "how": typeText,
	"ctx": typeInt, "late": typeInt, "gap": typeInt, "h": typeInt, "after": typeInt, "line": typeInt, "pid": typeInt, "ppid": typeInt,
	"forked": typeInt, "records": typeInt, "written": typeInt, "dropped": typeInt, "uncalled": typeInt, "faults": typeInt,
	"oversize": typeInt, "undefined": typeInt, "quiet": typeInt, "to": typeInt, "hit": typeInt, "min": typeInt,
	"a": typeList, "m": typeList, "loc": typeList, "s": typeList, "df": typeList, "args": typeList, "argv": typeList,
}

// typeOf looks a key up; the switch spares what most lines have the map.
func typeOf(key []byte) wireType {
	if len(key) == 1 {
		switch key[0] {
		case 'a', 'm', 's':
			return typeList
		case 'v', 'o', 'w':
			return typeAny
		case 'x':
			return typeText
		}
	}
	return wireTypes[string(key)]
}

// A wireRecord is what the builder needs of one line. What else a record has is
// decoded when it is asked for.
type wireRecord struct {
	K, Name, File, F, Kind, Sig, Python, Engine, Exe, Cwd, Lost, Dead, Why, How, Msg, At string

	I, P, T, E                                            int64
	C, D, N, Th, Ta, Late, Line, PID, PPID, Min           int
	Records, Written, Dropped, Uncalled, Faults, Oversize int
	Undefined, Quiet                                      int
	TS                                                    float64
	L                                                     int   // where "l" is a number
	Ls                                                    []int // where it is a list
	Args, Argv                                            []string
	More                                                  bool
	Frames                                                []Frame
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// line decodes one line of any kind into w. What is not valid, or of another
// type than wireTypes says, gives false.
func (d *decoder) line(line []byte, w *wireRecord) bool {
	*w = wireRecord{}
	d.reset(line, true)
	if !d.open('{') {
		return false
	}
	for n := 0; ; n++ {
		more, ok := d.next('}', n)
		if !ok {
			return false
		}
		if !more {
			break
		}
		key, ok := d.key()
		if !ok || !d.field(key, w) {
			return false
		}
	}
	return d.peek() == 0 && d.i == len(d.b) && w.valid()
}

func (w *wireRecord) valid() bool {
	for _, n := range [...]int64{w.I, w.P, w.E, int64(w.C), int64(w.N), int64(w.D), int64(w.Th), int64(w.Ta)} {
		if n < 0 || n > maxNumber {
			return false
		}
	}
	return true
}

// field decodes the value of a key, or checks its type.
func (d *decoder) field(key []byte, w *wireRecord) bool {
	if to := w.textOf(key); to != nil {
		return d.str(to)
	}
	if to := w.longOf(key); to != nil {
		return d.long(to)
	}
	if to := w.intOf(key); to != nil {
		return d.int(to)
	}
	switch string(key) {
	case "l":
		return d.lines(w)
	case "args":
		return d.strs(&w.Args)
	case "argv":
		return d.strs(&w.Argv)
	case "frames":
		return d.framesOf(&w.Frames)
	case "ts":
		return d.seconds(&w.TS)
	case "more":
		if w.More = d.peek() == 't'; w.More {
			return d.word("true")
		}
		return d.skip(true)
	}
	if d.null() {
		return true
	}
	switch typeOf(key) {
	case typeText:
		return d.peek() == '"' && d.skip(true)
	case typeList:
		return d.peek() == '[' && d.skip(true)
	case typeInt:
		_, ok := d.integer()
		return ok
	}
	return d.skip(true)
}

func (w *wireRecord) textOf(key []byte) *string {
	switch string(key) {
	case "k":
		return &w.K
	case "name":
		return &w.Name
	case "file":
		return &w.File
	case "f":
		return &w.F
	case "sig":
		return &w.Sig
	case "kind":
		return &w.Kind
	case "python":
		return &w.Python
	case "engine":
		return &w.Engine
	case "exe":
		return &w.Exe
	case "cwd":
		return &w.Cwd
	case "lost":
		return &w.Lost
	case "dead":
		return &w.Dead
	case "why":
		return &w.Why
	case "how":
		return &w.How
	case "msg":
		return &w.Msg
	case "at":
		return &w.At
	}
	return nil
}

func (w *wireRecord) longOf(key []byte) *int64 {
	switch string(key) {
	case "i":
		return &w.I
	case "p":
		return &w.P
	case "t":
		return &w.T
	case "e":
		return &w.E
	}
	return nil
}

func (w *wireRecord) intOf(key []byte) *int {
	switch string(key) {
	case "c":
		return &w.C
	case "d":
		return &w.D
	case "n":
		return &w.N
	case "th":
		return &w.Th
	case "ta":
		return &w.Ta
	case "late":
		return &w.Late
	case "line":
		return &w.Line
	case "pid":
		return &w.PID
	case "ppid":
		return &w.PPID
	case "min":
		return &w.Min
	case "records":
		return &w.Records
	case "written":
		return &w.Written
	case "dropped":
		return &w.Dropped
	case "uncalled":
		return &w.Uncalled
	case "faults":
		return &w.Faults
	case "oversize":
		return &w.Oversize
	case "undefined":
		return &w.Undefined
	case "quiet":
		return &w.Quiet
	}
	return nil
}
