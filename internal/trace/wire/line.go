package wire

// Bounds of one line. The tracer keeps within them by far.
const (
	MaxLine       = 256 << 10
	MaxValueDepth = 12
	MaxLineValues = 20_000 // values of one key, inner ones included; what is over it reads as cut
	MaxName       = 1000
	maxFrames     = 1000 // of one stack
)

// A KeyType is what the value of a key must be.
type KeyType uint8

const (
	TypeAny KeyType = iota
	TypeText
	typeInt
	TypeList
	TypeHead // of a key that event holds
)

// KeyTypes are the keys of a line whose values must have a type, or be null,
// which is as if they were not there. A line where one has another type is not
// valid. Of equal keys the last counts.
var KeyTypes = map[string]KeyType{
	"k": TypeHead, "i": TypeHead, "p": TypeHead, "c": TypeHead, "d": TypeHead, "n": TypeHead, "t": TypeHead, "e": TypeHead,
	"th": TypeHead, "ta": TypeHead, "l": TypeHead,
	"x": TypeText, "xm": TypeText, "msg": TypeText, "name": TypeText, "state": TypeText, "file": TypeText, "f": TypeText, "kind": TypeText, "sig": TypeText,
	"python": TypeText, "engine": TypeText, "exe": TypeText, "cwd": TypeText, "lost": TypeText, "dead": TypeText, "at": TypeText,
	"why": TypeText, "how": TypeText,
	"ctx": typeInt, "late": typeInt, "gap": typeInt, "h": typeInt, "after": typeInt, "line": typeInt, "pid": typeInt, "ppid": typeInt,
	"forked": typeInt, "records": typeInt, "written": typeInt, "dropped": typeInt, "uncalled": typeInt, "faults": typeInt,
	"oversize": typeInt, "undefined": typeInt, "quiet": typeInt, "to": typeInt, "hit": typeInt, "min": typeInt,
	"a": TypeList, "m": TypeList, "loc": TypeList, "s": TypeList, "df": TypeList, "args": TypeList, "argv": TypeList,
}

// typeOf looks a key up; the switch spares what most lines have the map.
func typeOf(key []byte) KeyType {
	if len(key) == 1 {
		switch key[0] {
		case 'a', 'm', 's':
			return TypeList
		case 'v', 'o', 'w':
			return TypeAny
		case 'x':
			return TypeText
		}
	}
	return KeyTypes[string(key)]
}

// A Line is what the builder needs of one line. What else a record has is
// decoded when it is asked for.
type Line struct {
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

// Clip cuts a text to n bytes.
func Clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// DecodeLine decodes one line of any kind into w. What is not valid, or of another
// type than wireTypes says, gives false.
func (d *Decoder) DecodeLine(line []byte, w *Line) bool {
	*w = Line{}
	d.reset(line, true)
	if !d.Open('{') {
		return false
	}
	for n := 0; ; n++ {
		more, ok := d.Next('}', n)
		if !ok {
			return false
		}
		if !more {
			break
		}
		key, ok := d.Key()
		if !ok || !d.field(key, w) {
			return false
		}
	}
	return d.Peek() == 0 && d.I == len(d.B) && w.valid()
}

func (w *Line) valid() bool {
	for _, n := range [...]int64{w.I, w.P, w.E, int64(w.C), int64(w.N), int64(w.D), int64(w.Th), int64(w.Ta)} {
		if n < 0 || n > MaxNumber {
			return false
		}
	}
	return true
}

// field decodes the value of a key, or checks its type.
func (d *Decoder) field(key []byte, w *Line) bool {
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
		if w.More = d.Peek() == 't'; w.More {
			return d.word("true")
		}
		return d.Skip(true)
	}
	if d.null() {
		return true
	}
	switch typeOf(key) {
	case TypeText:
		return d.Peek() == '"' && d.Skip(true)
	case TypeList:
		return d.Peek() == '[' && d.Skip(true)
	case typeInt:
		_, ok := d.integer()
		return ok
	}
	return d.Skip(true)
}

func (w *Line) textOf(key []byte) *string {
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

func (w *Line) longOf(key []byte) *int64 {
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

func (w *Line) intOf(key []byte) *int {
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
