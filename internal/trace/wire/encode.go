package wire

// A Entry is a line of a trace file. SCHEMA.md says which keys go with which kind.
type Entry struct {
	K     string  `json:"k"`
	I     int64   `json:"i,omitempty"`
	P     int64   `json:"p,omitempty"`
	C     int     `json:"c,omitempty"`
	D     int     `json:"d,omitempty"`
	N     int     `json:"n,omitempty"`
	T     int64   `json:"t,omitempty"`
	L     int     `json:"l,omitempty"`
	Th    int     `json:"th,omitempty"`
	Ta    int     `json:"ta,omitempty"`
	Late  int     `json:"late,omitempty"`
	Gap   int     `json:"gap,omitempty"`
	A     any     `json:"a,omitempty"`
	Df    any     `json:"df,omitempty"`
	V     any     `json:"v,omitempty"`
	M     any     `json:"m,omitempty"`
	S     any     `json:"s,omitempty"`
	E     int64   `json:"e,omitempty"`
	X     string  `json:"x,omitempty"`
	Xm    string  `json:"xm,omitempty"`
	Msg   string  `json:"msg,omitempty"`
	Ctx   int64   `json:"ctx,omitempty"`
	From  any     `json:"from,omitempty"`
	Loc   any     `json:"loc,omitempty"`
	H     int     `json:"h,omitempty"`
	O     any     `json:"o,omitempty"`
	After int     `json:"after,omitempty"`
	To    int     `json:"to,omitempty"`
	Name  string  `json:"name,omitempty"`
	State string  `json:"state,omitempty"`
	At    string  `json:"at,omitempty"`
	Hit   int     `json:"hit,omitempty"`
	Ts    float64 `json:"ts,omitempty"`
	Stack any     `json:"stack,omitempty"`
	W     any     `json:"w,omitempty"`
	Why   string  `json:"why,omitempty"`
}

// OrNothing is nil for an empty list, so that its key is left out.
func OrNothing[T any](l []T) any {
	if len(l) == 0 {
		return nil
	}
	return l
}

// EncodeVars returns named values as an Entry holds them, nil for none.
func EncodeVars(vars []Var) any {
	out := make([][2]any, 0, len(vars))
	for i := range vars {
		out = append(out, [2]any{vars[i].Name, EncodeValue(&vars[i].Value)})
	}
	return OrNothing(out)
}

// EncodeResult is EncodeValue, and nil for no value.
func EncodeResult(v *Value) any {
	if v == nil {
		return nil
	}
	return EncodeValue(v)
}

// A object is a value that is not a literal by itself.
type object struct {
	T      string `json:"t,omitempty"`
	M      string `json:"m,omitempty"`
	R      string `json:"r,omitempty"`
	Lit    int    `json:"lit,omitempty"`
	Re     string `json:"re,omitempty"`
	New    string `json:"new,omitempty"`
	DT     string `json:"dt,omitempty"`
	Sh     any    `json:"sh,omitempty"`
	ID     int    `json:"id,omitempty"`
	N      int    `json:"n,omitempty"`
	E      any    `json:"e,omitempty"`
	KV     any    `json:"kv,omitempty"`
	A      any    `json:"a,omitempty"`
	F      any    `json:"f,omitempty"`
	CF     any    `json:"cf,omitempty"`
	Cut    int    `json:"cut,omitempty"`
	Cyc    int    `json:"cyc,omitempty"`
	Masked int    `json:"masked,omitempty"`
}

// EncodeValue returns a value as an Entry holds it: a literal's text, or an
// object.
func EncodeValue(v *Value) any {
	if v.Type == "" && v.Literal && v.ID == 0 && v.Len == 0 && !v.Cut {
		return v.Text
	}
	bit := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	var pairs [][2]any
	for i := range v.Pairs {
		pairs = append(pairs, [2]any{EncodeValue(&v.Pairs[i][0]), EncodeValue(&v.Pairs[i][1])})
	}
	return object{T: v.Type, M: v.Module, R: v.Text, Lit: bit(v.Literal), Re: v.Rebuild, New: v.New, DT: v.DType, Sh: OrNothing(v.Shape), ID: v.ID, N: v.Len,
		E: encodeValues(v.Items), KV: OrNothing(pairs), A: encodeValues(v.Args), F: EncodeVars(v.Fields), CF: EncodeVars(v.Shared),
		Cut: bit(v.Cut), Cyc: bit(v.Cycle), Masked: bit(v.Masked)}
}

func encodeValues(values []Value) any {
	out := make([]any, 0, len(values))
	for i := range values {
		out = append(out, EncodeValue(&values[i]))
	}
	return OrNothing(out)
}
