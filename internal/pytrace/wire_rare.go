package pytrace

import "strconv"

// outcome decodes the key o: what followed a handled exception, or whether a
// branch's test held. What is neither text nor number counts as nothing.
func (d *decoder) outcome(w *wireRecord) (ok bool) {
	w.O, w.On = "", 0
	if d.peek() == '"' {
		return d.str(&w.O)
	}
	w.On, ok = d.natural()
	return ok
}

// float decodes any value, and keeps a number.
func (d *decoder) float(to *float64) bool {
	*to = 0
	if !isNumber(d.peek()) {
		return d.skip(true)
	}
	text, _, ok := d.number()
	if !ok {
		return false
	}
	f, err := strconv.ParseFloat(string(text), 64)
	*to = f
	return err == nil
}

// naturals decodes a list of numbers; nil for what is no list.
func (d *decoder) naturals() ([]int, bool) {
	if d.peek() != '[' {
		return nil, d.skip(true)
	}
	var out []int
	ok := d.each(func() bool {
		n, ok := d.natural()
		if len(out) < 32 {
			out = append(out, n)
		}
		return ok
	})
	return out, ok
}

// parts calls f at the value of each key of an object, and skips what is none.
func (d *decoder) parts(f func(key []byte) bool) bool {
	if d.peek() != '{' {
		return d.skip(true)
	}
	if !d.open('{') {
		return false
	}
	for n := 0; ; n++ {
		more, ok := d.next('}', n)
		if !ok || !more {
			return ok
		}
		key, ok := d.key()
		if !ok || !f(key) {
			return false
		}
	}
}

// framesOf decodes a list of frames; nothing for what is no list.
func (d *decoder) framesOf(to *[]Frame, used bool) bool {
	*to = nil
	if d.peek() != '[' || !used && !d.eager {
		return d.skip(true)
	}
	return d.each(func() bool {
		var f Frame
		ok := d.parts(func(key []byte) (ok bool) {
			switch string(key) {
			case "file":
				return d.label(&f.File)
			case "name":
				return d.label(&f.Name)
			case "line":
				f.Line, ok = d.natural()
			case "loc":
				f.Locals, ok = d.varsOrNothing(0)
			default:
				ok = d.skip(true)
			}
			return ok
		})
		if len(*to) < maxFrames {
			*to = append(*to, f)
		}
		return ok
	})
}

// watches decodes a list of watched expressions; nothing for what is no list.
func (d *decoder) watches(w *wireRecord) bool {
	w.W = nil
	if d.peek() != '[' || w.K != string(KindSnapshot) && !d.eager {
		return d.skip(true)
	}
	return d.each(func() bool {
		var x Watch
		ok := d.parts(func(key []byte) bool {
			switch string(key) {
			case "x":
				return d.label(&x.Expr)
			case "err":
				return d.label(&x.Err)
			case "v":
				if x.Value = nil; d.peek() == 'n' {
					return d.null()
				}
				x.Value = &Value{}
				return d.value(x.Value, 0)
			}
			return d.skip(true)
		})
		if len(w.W) < maxFrames {
			w.W = append(w.W, x)
		}
		return ok
	})
}
