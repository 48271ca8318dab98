package pytrace

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
func (d *decoder) framesOf(to *[]Frame) bool {
	*to = nil
	if d.peek() != '[' {
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
func (d *decoder) watches(to *[]Watch) bool {
	*to = nil
	if d.peek() != '[' {
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
				if x.Value = nil; d.null() {
					return true
				}
				x.Value = &Value{}
				return d.value(x.Value, 0)
			}
			return d.skip(true)
		})
		if len(*to) < maxFrames {
			*to = append(*to, x)
		}
		return ok
	})
}

// origin decodes where an exception came from; nil for what is no object.
func (d *decoder) origin(to **Origin) bool {
	*to = nil
	if d.peek() != '{' {
		return d.skip(true)
	}
	var o Origin
	ok := d.parts(func(key []byte) (ok bool) {
		switch string(key) {
		case "file":
			return d.label(&o.File)
		case "name":
			return d.label(&o.Name)
		case "line":
			o.Line, ok = d.natural()
			return ok
		}
		return d.skip(true)
	})
	*to = &Origin{clip(o.File, maxName), clip(o.Name, maxName), o.Line}
	return ok
}
