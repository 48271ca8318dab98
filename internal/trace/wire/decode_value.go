package wire

var cutValue = Value{Type: "?", Cut: true}

// spend takes one value from the budget.
func (d *Decoder) spend() bool {
	d.left--
	return d.left >= 0
}

// varList decodes pairs of a name and a value, and skips what is none.
func (d *Decoder) varList(depth int) ([]Var, bool) {
	mark := d.vars.mark()
	ok := d.Open('[')
	for n := 0; ok; n++ {
		var more bool
		if more, ok = d.Next(']', n); !ok || !more {
			break
		}
		ok = d.variable(depth)
	}
	return d.vars.cut(mark), ok
}

func (d *Decoder) variable(depth int) bool {
	if d.Peek() != '[' {
		return d.Skip(true)
	}
	var v Var
	named, n := false, 0
	if !d.Open('[') {
		return false
	}
	for ; ; n++ {
		more, ok := d.Next(']', n)
		if !ok {
			return false
		}
		if !more {
			break
		}
		switch {
		case n == 0 && d.Peek() == '"':
			var text []byte
			if text, named = d.Text(); !named {
				return false
			}
			v.Name = Clip(d.keep(text), MaxName)
		case n == 1 && named:
			ok = d.value(&v.Value, depth)
		default:
			ok = d.Skip(true)
		}
		if !ok {
			return false
		}
	}
	if named && n == 2 && d.spend() {
		d.vars.push(v)
	}
	return true
}

// valueList decodes a list of values; nil for anything else.
func (d *Decoder) valueList(depth int) ([]Value, bool) {
	if d.Peek() != '[' {
		return nil, d.Skip(true)
	}
	mark := d.values.mark()
	ok := d.Open('[')
	for n := 0; ok; n++ {
		var more bool
		if more, ok = d.Next(']', n); !ok || !more {
			break
		}
		var v Value
		if ok = d.value(&v, depth); ok && d.spend() {
			d.values.push(v)
		}
	}
	return d.values.cut(mark), ok
}

// pairList decodes a list of pairs of values, and skips what is none.
func (d *Decoder) pairList(depth int) ([][2]Value, bool) {
	if d.Peek() != '[' {
		return nil, d.Skip(true)
	}
	mark := d.pairs.mark()
	ok := d.Open('[')
	for n := 0; ok; n++ {
		var more bool
		if more, ok = d.Next(']', n); !ok || !more {
			break
		}
		ok = d.pair(depth)
	}
	return d.pairs.cut(mark), ok
}

func (d *Decoder) pair(depth int) bool {
	if d.Peek() != '[' {
		return d.Skip(true)
	}
	var pair [2]Value
	n := 0
	ok := d.Open('[')
	for ; ok; n++ {
		var more bool
		if more, ok = d.Next(']', n); !ok || !more {
			break
		}
		if n < 2 {
			ok = d.value(&pair[n], depth)
		} else {
			ok = d.Skip(true)
		}
	}
	if ok && n == 2 && d.spend() && d.spend() {
		d.pairs.push(pair)
	}
	return ok
}

// value decodes a value: a string is a literal, an object says more.
func (d *Decoder) value(out *Value, depth int) bool {
	c := d.Peek()
	if c == '"' {
		text, ok := d.Text()
		if ok {
			out.Text, out.Literal = d.keep(text), true
		}
		return ok
	}
	if c != '{' || depth > MaxValueDepth || d.left <= 0 {
		*out = cutValue
		return d.Skip(true)
	}
	failed := false // the tracer could not render all of it
	ok := d.Open('{')
	for n := 0; ok; n++ {
		var more bool
		if more, ok = d.Next('}', n); !ok || !more {
			break
		}
		var key []byte
		if key, ok = d.Key(); ok {
			ok = d.part(key, out, &failed, depth+1)
		}
	}
	if out.Type == "" {
		out.Type = "?"
	}
	out.Cut = out.Cut || failed || d.left < 0 // what did not fit is missing inside
	return ok
}

// part decodes the value of one key of a value. Of a key that comes twice the
// last counts, and what is of the wrong type counts as nothing.
func (d *Decoder) part(key []byte, out *Value, failed *bool, depth int) (ok bool) {
	switch string(key) {
	case "t":
		return d.label(&out.Type)
	case "m":
		return d.label(&out.Module)
	case "r":
		return d.label(&out.Text)
	case "re":
		return d.label(&out.Rebuild)
	case "new":
		return d.label(&out.New)
	case "dt":
		return d.label(&out.DType)
	case "sh":
		out.Shape, ok = d.naturals()
	case "id":
		out.ID, ok = d.Natural()
	case "n":
		out.Len, ok = d.Natural()
	case "lit":
		return d.flag(&out.Literal)
	case "cut":
		return d.flag(&out.Cut)
	case "cyc":
		return d.flag(&out.Cycle)
	case "masked":
		return d.flag(&out.Masked)
	case "err":
		*failed = d.Peek() != 'n'
		return d.Skip(true)
	case "e":
		out.Items, ok = d.valueList(depth)
	case "a":
		out.Args, ok = d.valueList(depth)
	case "kv":
		out.Pairs, ok = d.pairList(depth)
	case "f":
		out.Fields, ok = d.varsOrNothing(depth)
	case "cf":
		out.Shared, ok = d.varsOrNothing(depth)
	default:
		return d.Skip(true)
	}
	return ok
}

func (d *Decoder) varsOrNothing(depth int) ([]Var, bool) {
	if d.Peek() != '[' {
		return nil, d.Skip(true)
	}
	return d.varList(depth)
}

func (d *Decoder) label(to *string) bool {
	*to = ""
	if d.Peek() != '"' {
		return d.Skip(true)
	}
	text, ok := d.Text()
	*to = d.keep(text)
	return ok
}

func (d *Decoder) flag(to *bool) bool {
	n, ok := d.Natural()
	*to = n == 1
	return ok
}
