"""How arrays, frames and tensors of numpy, pandas, torch and polars are shown:
by shape, dtype and a corner, in the form that repaird_tracer.known describes.

None of these libraries is imported. What is read is read through accessors
written in C, and instance dictionaries, so that it costs the same for any size.
"""
from _json import encode_basestring_ascii as quote

from repaird_tracer.descriptors import BuiltinType, accessor, class_module, class_name, derives, get_mro, method, module_of, peek

_type, _id, _len, _str, _int, _tuple, _list, _repr, _min, _range = type, id, len, str, int, tuple, list, repr, min, range
CORNER = 6


_KINDS = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}


def _dtype(r, dtype):
    """The name of a numpy dtype and its kind."""
    about = r.class_info(_type(dtype))
    if about.cache is not None:  # one class is one kind and size, but for texts, times and records
        return about.cache
    kind, size, text = peek(dtype, "kind"), peek(dtype, "itemsize"), peek(dtype, "str")
    if _type(kind) is not _str:
        return about.name, ""
    if kind == "O":
        found = "object", kind
    elif kind in _KINDS and _type(size) is _int:
        found = "bool" if kind == "b" else "%s%d" % (_KINDS[kind], size * 8), kind
    else:
        return text if _type(text) is _str else kind, kind
    if about.c_type and about.name.endswith("DType"):
        about.cache = found
    return found


def _shape(shape):
    if _type(shape) is not _tuple and not derives(_type(shape), _tuple):
        return None
    return ",".join(["%d" % n for n in _tuple.__iter__(shape) if _type(n) is _int])


def _size(v, k):
    n = accessor(k, "size")
    n = n(v) if n is not None else 0
    return n if _type(n) is _int else 0


def _show_array(r, v, t, info, room, out):
    k = get_mro(t)[info.known_at]
    shape, dtype, item = accessor(k, "shape"), accessor(k, "dtype"), method(k, "item")
    if shape is None or dtype is None:
        return True
    name, kind = _dtype(r, dtype(v))
    n = _size(v, k)
    out.append('"n":%d,"sh":[%s],"dt":%s' % (n, _shape(shape(v)) or "", quote(name[:100])))
    if kind and kind in "biufcSUMm" and item is not None and n > 0:
        out.append('"e":[%s]' % ",".join([r.inner(item(v, i), room) for i in _range(_min(n, CORNER))]))
        if n > CORNER:
            out.append('"cut":1')
    elif n:
        out.append('"cut":1')
    return info.known_at == 0


def _array_expression(r, v, t, info, room):
    """The expression of a small array of numbers."""
    shape, dtype, item = accessor(t, "shape"), accessor(t, "dtype"), method(t, "item")
    if info.known_at or shape is None or dtype is None or item is None:
        return None
    n = _size(v, t)
    name, kind = _dtype(r, dtype(v))
    if n > CORNER or kind not in ("b", "i", "u", "f", "c", "U", "S"):
        return None
    items = [r.expression(item(v, i), room) for i in _range(n)]
    shape = shape(v)
    if None in items or _type(shape) is not _tuple:
        return None
    if shape == ():
        return "numpy.array(%s, dtype='%s')" % (items[0], name)
    text = "numpy.array([%s], dtype='%s')" % (", ".join(items), name)
    return text if _len(shape) == 1 else "%s.reshape(%s)" % (text, _repr(shape))


def _number(r, v, t, room):
    """The expression of a numpy scalar as one of Python, or None."""
    for k in get_mro(t):
        item = method(k, "item")
        if item is not None:
            item = item(v)
            return r.expression(item, room) if _type(item) is not t else None
    return None


def _show_number(r, v, t, info, room, out):
    text = _number(r, v, t, room)
    if text is not None:
        out.append('"r":' + quote(text))
    return True


def _number_text(r, v, t, info, room):
    text = _number(r, v, t, room) if info.module == "numpy" else None
    return text and "numpy.%s(%s)" % (info.name, text)


def _labels(index, most):
    """The first labels of a pandas Index, and how many there are."""
    data = peek(index, "_data")
    inner = peek(data, "_ndarray") if data is not None else None
    data = inner if inner is not None else data
    if data is None or not _is(data, "numpy.ndarray"):
        return None, 0
    k = _type(data)
    n, item, found = _size(data, k), method(k, "item"), []
    if item is not None:
        for i in _range(_min(n, most)):
            e = item(data, i)
            found.append(e if _type(e) is _str or _type(e) is _int else "<%s>" % class_name(_type(e)))
    return found, n


def _is(v, name):
    t = _type(v)
    return class_module(t) + "." + class_name(t) == name


def _length(index):
    """The length of a pandas Index."""
    span = peek(index, "_range")
    if _type(span) is _range:
        return _len(span)
    return _labels(index, 0)[1]


def _block_dtype(r, block):
    values = peek(block, "values")
    dtype = peek(values, "dtype")
    if dtype is None:
        dtype = peek(values, "_dtype")
    return (_dtype(r, dtype)[0] if dtype is not None else class_name(_type(values))), values


def _manager(v):
    m = peek(v, "_mgr")
    if m is None:
        m = peek(v, "_data")
    axes, blocks = peek(m, "axes"), peek(m, "blocks")
    ok = _type(axes) is _list and (_type(blocks) is _tuple or _type(blocks) is _list)
    return (axes, blocks) if ok else (None, None)


def _show_frame(r, v, t, info, room, out):
    axes, blocks = _manager(v)
    if axes is None or _len(axes) != 2:
        return True
    names, n = _labels(axes[0], 8)
    if names is None:
        n = _length(axes[0])
    rows = _length(axes[1])
    dtypes = []
    for b in blocks[:8]:
        name = _block_dtype(r, b)[0]
        if name not in dtypes:
            dtypes.append(name)
    out.append('"n":%d,"sh":[%d,%d],"dt":%s' % (rows, rows, n, quote(" ".join(dtypes)[:200])))
    if names:
        out.append('"f":[["columns",%s]]' % r.inner(names, room))
    out.append('"cut":1')
    return True


def _show_series(r, v, t, info, room, out):
    axes, blocks = _manager(v)
    if axes is None or _len(axes) != 1 or _len(blocks) != 1:
        return True
    name, values = _block_dtype(r, blocks[0])
    n = _length(axes[0])
    out.append('"n":%d,"sh":[%d],"dt":%s' % (n, n, quote(name[:100])))
    label = peek(v, "_name")
    if _type(label) is _str:
        out.append('"f":[["name",%s]]' % r.inner(label, room))
    item = method(_type(values), "item")
    if item is not None and _is(values, "numpy.ndarray") and name != "object" and "V" not in name:
        out.append('"e":[%s]' % ",".join([r.inner(item(values, i), room) for i in _range(_min(n, CORNER))]))
    out.append('"cut":1')
    return True


def _show_index(r, v, t, info, room, out):
    names, n = _labels(v, CORNER)
    if names is None:
        n = _length(v)
    out.append('"n":%d,"cut":1' % n)
    if names:
        out.append('"e":[%s]' % ",".join([r.inner(e, room) for e in names]))
    return True


def _show_tensor(r, v, t, info, room, out):
    """Shape, dtype and device of an exact tensor: those of a subclass, and all
    under a function mode, may be answered by Python code."""
    modes = (module_of("torch._C") or {}).get("_len_torch_function_stack")
    if info.known_at > 0 or modes is not None and (_type(modes) is not BuiltinType or modes() > 0):
        return True
    for k in get_mro(t):
        shape, dtype, device = accessor(k, "shape"), accessor(k, "dtype"), accessor(k, "device")
        if shape is not None and dtype is not None and device is not None:
            out.append('"sh":[%s],"dt":%s,"f":[["device",%s]]' % (
                _shape(shape(v)) or "", quote(_own_text(r, dtype(v))), quote(_repr(_own_text(r, device(v))))))
            break
    out.append('"cut":1')
    return True


def _own_text(r, v):
    """The text of torch's dtypes and devices, which C code makes."""
    if _type(v) is _str:
        return v
    info = r.class_info(_type(v))
    return _repr(v)[:100] if info.c_type and info.module == "torch" else info.name


def _show_polars(r, v, t, info, room, out):
    inner = peek(v, "_df")
    if inner is None:
        inner = peek(v, "_s")
    shape = []
    for n in ("height", "width", "len"):
        ask = method(_type(inner), n)
        if ask is not None:
            n = ask(inner)
            if _type(n) is _int:
                shape.append("%d" % n)
    if shape:
        out.append('"n":%s,"sh":[%s]' % (shape[0], ",".join(shape)))
    out.append('"cut":1')
    return True


def _singleton(text):
    def write(r, v, t, info, room):
        return text
    return None, write


ARRAYS = {
    "pandas.api.typing.NaTType": _singleton("pandas.NaT"), "pandas._libs.tslibs.nattype.NaTType": _singleton("pandas.NaT"),
    "pandas.api.typing.NAType": _singleton("pandas.NA"), "pandas._libs.missing.NAType": _singleton("pandas.NA"),
    "numpy.ndarray": (_show_array, _array_expression),
    "numpy.generic": (_show_number, _number_text),
    "pandas.core.frame.DataFrame": (_show_frame, None), "pandas.DataFrame": (_show_frame, None),
    "pandas.core.series.Series": (_show_series, None), "pandas.Series": (_show_series, None),
    "pandas.core.indexes.base.Index": (_show_index, None), "pandas.Index": (_show_index, None),
    "torch._tensor.Tensor": (_show_tensor, None), "torch.Tensor": (_show_tensor, None),
    "polars.dataframe.frame.DataFrame": (_show_polars, None), "polars.series.series.Series": (_show_polars, None),
}
