package wire

import "math"

// An Event is a record as the trace keeps it: what every record has, and where
// the rest of its line is in the store. It holds no pointers, so that a million
// of them cost the garbage collector nothing.
type Event struct {
	Micros int64
	Off    uint32 // of the body in the store
	Size   uint32
	Call   uint32 // number in the process
	Parent uint32
	Num    uint32 // call: how many-th; raise, pass, handled, unwind: number of the exception
	Code   uint32 // index in Trace.codes, from 1; its number in the process until that is known
	Line   int32
	Task   uint32
	Depth  uint16
	Thread uint16
	Proc   uint16
	Kind   EventKind
	Flags  uint8
}

// FlagLate marks a call that was written when an exception made it matter.
const FlagLate = 1

// A EventKind is a Kind as a number; 0 is none.
type EventKind uint8

const (
	EventCall EventKind = 1 + iota
	EventReturn
	EventUnwind
	EventYield
	EventResume
	EventRaise
	EventPass
	EventHandled
	EventStep
	EventBranch
	EventSnapshot
	EventMark
)

// KindNames are the kinds by their numbers.
var KindNames = [...]Kind{"", KindCall, KindReturn, KindUnwind, KindYield, KindResume, KindRaise, KindPass, KindHandled, KindStep,
	KindBranch, KindSnapshot, KindMark}

// KindOf returns the number of a kind, 0 for a name that is none.
func KindOf(name string) EventKind {
	for i, k := range KindNames {
		if i > 0 && string(k) == name {
			return EventKind(i)
		}
	}
	return 0
}

// MaxNumber bounds the numbers of calls, codes and exceptions of a process.
const MaxNumber = math.MaxUint32

// EventOf makes the event of a line that was decoded; false where it lacks what
// its kind must have.
func EventOf(w *Line) (Event, bool) {
	e := Event{Kind: KindOf(w.K), Micros: w.T, Call: uint32(w.I), Parent: uint32(w.P), Code: uint32(w.C), Line: clampLine(w.L),
		Task: uint32(min(w.Ta, MaxNumber)), Depth: clamp16(w.D), Thread: clamp16(w.Th)}
	e.Num = uint32(min(w.N, MaxNumber))
	if e.Kind.HasException() {
		e.Num = uint32(w.E)
	}
	if w.Late == 1 {
		e.Flags |= FlagLate
	}
	return e, e.complete()
}

// HasException says whether events of the kind have the number of an exception.
func (k EventKind) HasException() bool {
	return k == EventRaise || k == EventPass || k == EventHandled || k == EventUnwind
}

// complete says whether an event has what its kind must have.
func (e *Event) complete() bool {
	switch e.Kind {
	case 0:
		return false
	case EventMark, EventSnapshot:
		return true
	}
	return e.Call != 0 && e.Code != 0
}

func clamp16(n int) uint16 { return uint16(min(n, math.MaxUint16)) }

func clampLine(n int) int32 {
	if n < 0 || n > math.MaxInt32 {
		return 0
	}
	return int32(n)
}

// ScanEvent reads a line as the tracer writes events. The body of the event is
// given as an offset into the line: from the first key on that is not one of
// event's own, since those need not be kept.
func ScanEvent(b []byte, e *Event) bool {
	*e = Event{}
	i := scanKind(b, e)
	if i < 0 {
		return false
	}
	body := -1
	if !e.Kind.trimmed() {
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
	if e.Kind.HasException() {
		e.Num = uint32(exc)
	}
	if body >= 0 {
		e.Off, e.Size = uint32(body), uint32(len(b)-body)
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
func (e *Event) set(key int, n int64, exc *int64) bool {
	if n > MaxNumber && key != 't' {
		return false
	}
	switch key {
	case 'i':
		e.Call = uint32(n)
	case 'p':
		e.Parent = uint32(n)
	case 'c':
		e.Code = uint32(n)
	case 'd':
		e.Depth = clamp16(int(n))
	case 'n':
		e.Num = uint32(n)
	case 't':
		e.Micros = n
	case 'l':
		e.Line = clampLine(int(n))
	case 'e':
		*exc = n
	case keyThread:
		e.Thread = clamp16(int(n))
	case keyTask:
		e.Task = uint32(n)
	}
	return true
}

// trimmed says whether the body of such an event can do without the keys that
// event holds.
func (k EventKind) trimmed() bool {
	switch k {
	case EventCall, EventReturn, EventUnwind, EventYield, EventResume, EventRaise, EventPass, EventStep:
		return true
	}
	return false
}

// scanKind reads the beginning of the line of an event and returns the index of
// its second key, -1 for others.
func scanKind(b []byte, e *Event) int {
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
		e.Kind = EventCall
	case "ret":
		e.Kind = EventReturn
	case "unwind":
		e.Kind = EventUnwind
	case "yield":
		e.Kind = EventYield
	case "resume":
		e.Kind = EventResume
	case "raise":
		e.Kind = EventRaise
	case "pass":
		e.Kind = EventPass
	case "handled":
		e.Kind = EventHandled
	case "step":
		e.Kind = EventStep
	case "br":
		e.Kind = EventBranch
	case "snap":
		e.Kind = EventSnapshot
	case "mark":
		e.Kind = EventMark
	default:
		return -1
	}
	return end + 2
}

// scanRest steps over a key at b[i] that event does not hold, and its value,
// which must be of the type that the schema says; -1 where the decoder must
// judge.
func scanRest(b []byte, i int, e *Event) int {
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
	case TypeAny:
	case TypeText:
		if c != '"' {
			return -1
		}
	case TypeList:
		if c != '[' {
			return -1
		}
	case typeInt:
		if c-'0' > 9 {
			return -1
		}
		if string(key) == "late" {
			if e.Flags &^= FlagLate; c == '1' {
				e.Flags |= FlagLate
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
