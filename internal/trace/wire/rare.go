package wire

// parts calls f at the value of each key of an object, and skips what is none.
func (d *Decoder) parts(f func(key []byte) bool) bool {
	if d.Peek() != '{' {
		return d.Skip(true)
	}
	if !d.Open('{') {
		return false
	}
	for n := 0; ; n++ {
		more, ok := d.Next('}', n)
		if !ok || !more {
			return ok
		}
		key, ok := d.Key()
		if !ok || !f(key) {
			return false
		}
	}
}

// framesOf decodes a list of frames; nothing for anything else.
func (d *Decoder) framesOf(to *[]Frame) bool {
	*to = nil
	if d.Peek() != '[' {
		return d.Skip(true)
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
				f.Line, ok = d.Natural()
			case "loc":
				f.Locals, ok = d.varsOrNothing(0)
			default:
				ok = d.Skip(true)
			}
			return ok
		})
		if len(*to) < maxFrames {
			*to = append(*to, f)
		}
		return ok
	})
}

// Watches decodes a list of watched expressions; nothing for anything else.
func (d *Decoder) Watches(to *[]Watch) bool {
	*to = nil
	if d.Peek() != '[' {
		return d.Skip(true)
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
				if x.Value = nil; d.null() {
					return true
				}
				x.Value = &Value{}
				return d.value(x.Value, 0)
			}
			return d.Skip(true)
		})
		if len(*to) < maxFrames {
			*to = append(*to, x)
		}
		return ok
	})
}

// Origin decodes where an exception came from; nil for anything but an object.
func (d *Decoder) Origin(to **Origin) bool {
	*to = nil
	if d.Peek() != '{' {
		return d.Skip(true)
	}
	var o Origin
	ok := d.parts(func(key []byte) (ok bool) {
		switch string(key) {
		case "file":
			return d.label(&o.File)
		case "name":
			return d.label(&o.Name)
		case "line":
			o.Line, ok = d.Natural()
			return ok
		}
		return d.Skip(true)
	})
	*to = &Origin{Clip(o.File, MaxName), Clip(o.Name, MaxName), o.Line}
	return ok
}
