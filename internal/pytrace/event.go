package pytrace

import "math"

// An event is a record as the trace keeps it: what every record has, and where
// the rest of its line is in the store. It holds no pointers, so that a million
// of them cost the garbage collector nothing.
type event struct {
	micros int64
	off    uint32 // of the body in the store
	size   uint32
	call   uint32 // number in the process
	parent uint32
	num    uint32 // call: how many-th; raise, pass, handled, unwind: number of the exception
	code   uint32 // index in Trace.codes, from 1; its number in the process until that is known
	line   int32
	task   uint32
	depth  uint16
	thread uint16
	proc   uint16
	kind   kind
	flags  uint8
}

const flagLate = 1

// A kind is a Kind as a number; 0 is none.
type kind uint8

const (
	kindCall kind = 1 + iota
	kindReturn
	kindUnwind
	kindYield
	kindResume
	kindRaise
	kindPass
	kindHandled
	kindStep
	kindBranch
	kindSnapshot
	kindMark
)

var kindNames = [...]Kind{"", KindCall, KindReturn, KindUnwind, KindYield, KindResume, KindRaise, KindPass, KindHandled, KindStep,
	KindBranch, KindSnapshot, KindMark}

func kindOf(name string) kind {
	for i, k := range kindNames {
		if i > 0 && string(k) == name {
			return kind(i)
		}
	}
	return 0
}

// maxNumber bounds the numbers of calls, codes and exceptions of a process.
const maxNumber = math.MaxUint32

// eventOf makes the event of a line that was decoded; false where it lacks what
// its kind must have.
func eventOf(w *wireRecord) (event, bool) {
	e := event{kind: kindOf(w.K), micros: w.T, call: uint32(w.I), parent: uint32(w.P), code: uint32(w.C), line: clampLine(w.L),
		task: uint32(min(w.Ta, maxNumber)), depth: clamp16(w.D), thread: clamp16(w.Th)}
	e.num = uint32(min(w.N, maxNumber))
	if e.kind.hasException() {
		e.num = uint32(w.E)
	}
	if w.Late == 1 {
		e.flags |= flagLate
	}
	return e, e.complete()
}

func (k kind) hasException() bool {
	return k == kindRaise || k == kindPass || k == kindHandled || k == kindUnwind
}

// complete says whether an event has what its kind must have.
func (e *event) complete() bool {
	switch e.kind {
	case 0:
		return false
	case kindMark, kindSnapshot:
		return true
	}
	return e.call != 0 && e.code != 0
}

func clamp16(n int) uint16 { return uint16(min(n, math.MaxUint16)) }

func clampLine(n int) int32 {
	if n < 0 || n > math.MaxInt32 {
		return 0
	}
	return int32(n)
}

// scanEvent reads a line as the tracer writes events. The body of the event is
// given as an offset into the line: from the first key on that is not one of
// event's own, since those need not be kept.
func scanEvent(b []byte, e *event) bool {
	*e = event{}
	i := scanKind(b, e)
	if i < 0 {
		return false
	}
	body := -1
	if !e.kind.trimmed() {
		body = i
	}
	var exc int64
	for {
		at := i
		key, from := scanHeadKey(b, i)
		if from > 0 {
			n := int64(0)
			for i = from; i < len(b) && b[i]-'0' <= 9; i++ {
				n = n*10 + int64(b[i]-'0')
			}
			if i-from > 15 || i == from || b[from] == '0' && i-from > 1 || !e.set(key, n, &exc) {
				return false
			}
		} else {
			if body < 0 {
				body = at
			}
			if i = scanRest(b, at, e); i < 0 {
				return false
			}
		}
		if i >= len(b) {
			return false
		}
		if b[i] == ',' {
			i++
			continue
		}
		if b[i] != '}' || i+1 != len(b) {
			return false
		}
		break
	}
	if e.kind.hasException() {
		e.num = uint32(exc)
	}
	if body >= 0 {
		e.off, e.size = uint32(body), uint32(len(b)-body)
	}
	return e.complete()
}

// scanHeadKey reads a key of headKeys and returns it, keyThread or keyTask for
// th and ta, and where its value begins; 0 for another key.
func scanHeadKey(b []byte, i int) (key, from int) {
	if i+5 >= len(b) || b[i] != '"' {
		return 0, 0
	}
	if b[i+2] == '"' && b[i+3] == ':' && headKeys[b[i+1]] {
		return int(b[i+1]), i + 4
	}
	if b[i+1] == 't' && b[i+3] == '"' && b[i+4] == ':' {
		switch b[i+2] {
		case 'h':
			return keyThread, i + 5
		case 'a':
			return keyTask, i + 5
		}
	}
	return 0, 0
}

const (
	keyThread = 256 + iota
	keyTask
)

// headKeys are the keys of one letter that an event holds itself.
var headKeys = [256]bool{'i': true, 'p': true, 'c': true, 'd': true, 'n': true, 't': true, 'l': true, 'e': true}

// set sets what a head key names; false where the decoder must judge.
func (e *event) set(key int, n int64, exc *int64) bool {
	if n > maxNumber && key != 't' {
		return false
	}
	switch key {
	case 'i':
		e.call = uint32(n)
	case 'p':
		e.parent = uint32(n)
	case 'c':
		e.code = uint32(n)
	case 'd':
		e.depth = clamp16(int(n))
	case 'n':
		e.num = uint32(n)
	case 't':
		e.micros = n
	case 'l':
		e.line = clampLine(int(n))
	case 'e':
		*exc = n
	case keyThread:
		e.thread = clamp16(int(n))
	case keyTask:
		e.task = uint32(n)
	}
	return true
}

// trimmed says whether the body of such an event can do without the keys that
// event holds.
func (k kind) trimmed() bool {
	switch k {
	case kindCall, kindReturn, kindUnwind, kindYield, kindResume, kindRaise, kindPass, kindStep:
		return true
	}
	return false
}

// scanKind reads the beginning of the line of an event and returns the index of
// its second key, -1 for others.
func scanKind(b []byte, e *event) int {
	const head = `{"k":"`
	if len(b) < len(head)+8 || string(b[:len(head)]) != head {
		return -1
	}
	i := len(head)
	end := i
	for end < len(b) && end < i+8 && b[end] != '"' {
		end++
	}
	if end+2 >= len(b) || b[end] != '"' || b[end+1] != ',' {
		return -1
	}
	switch string(b[i:end]) {
	case "call":
		e.kind = kindCall
	case "ret":
		e.kind = kindReturn
	case "unwind":
		e.kind = kindUnwind
	case "yield":
		e.kind = kindYield
	case "resume":
		e.kind = kindResume
	case "raise":
		e.kind = kindRaise
	case "pass":
		e.kind = kindPass
	case "handled":
		e.kind = kindHandled
	case "step":
		e.kind = kindStep
	case "br":
		e.kind = kindBranch
	case "snap":
		e.kind = kindSnapshot
	case "mark":
		e.kind = kindMark
	default:
		return -1
	}
	return end + 2
}

// scanRest steps over a key at b[i] that event does not hold, and its value,
// which must be of the type that the schema says; -1 where the decoder must
// judge.
func scanRest(b []byte, i int, e *event) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	end := i + 1
	for end < len(b) && plain[b[end]] && end < i+12 {
		end++
	}
	if end+2 >= len(b) || b[end] != '"' || b[end+1] != ':' {
		return -1
	}
	from := end + 2
	key, c := b[i+1:end], b[from]
	switch typeOf(key) {
	case typeAny:
	case typeText:
		if c != '"' {
			return -1
		}
	case typeList:
		if c != '[' {
			return -1
		}
	case typeInt:
		if c-'0' > 9 {
			return -1
		}
		if string(key) == "late" {
			if e.flags &^= flagLate; c == '1' {
				e.flags |= flagLate
			}
		}
	default: // k, or a head key that scanEvent should have read
		return -1
	}
	to := skipValue(b, from)
	if to > 0 && string(key) == "late" && to != from+1 {
		return -1
	}
	return to
}
