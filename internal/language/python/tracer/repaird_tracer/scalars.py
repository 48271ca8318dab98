"""Renders scalars, and the texts that stand for more: messages of exceptions.

A JSON string is a complete Python literal; everything else is an object.
"""
from _json import encode_basestring_ascii as quote

import repaird_tracer.secrets as secrets
from repaird_tracer.descriptors import SlotWrapperType, class_name, derives, get_class_dict, get_mro

_suspicious, mask = secrets.suspicious, secrets.mask
_repr, _type, _id, _len, _slice = repr, type, id, len, slice
_str, _int, _bytes, _float, _OSError = str, int, bytes, float, OSError
_get_exc_args = BaseException.__dict__["args"].__get__
_exc_str = BaseException.__str__
_OS_FILES = (OSError.__dict__["filename"].__get__, OSError.__dict__["filename2"].__get__)

_float_finite = frozenset(["nan", "inf", "-inf"])
_BIG = 1 << 62
DIGITS = ['"%d"' % i for i in range(256)]


class Scalars(object):
    """The part of the Renderer that needs no bounds but that of a text."""

    def _none(self, v):
        return '"None"'

    def _bool(self, v):
        return '"True"' if v is True else '"False"'

    def _int(self, v):
        if 0 <= v < 256:
            return DIGITS[v]
        if -_BIG < v < _BIG or _int.bit_length(v) <= 200:
            return f'"{v}"'
        return '{"t":"int","n":%d,"cut":1}' % _int.bit_length(v)

    def _float(self, v):
        r = _repr(v)
        return '{"t":"float","r":"%s","re":"float(\'%s\')"}' % (r, r) if r in _float_finite else '"%s"' % r

    def _make_str(self):
        longest, strings = self.max_str, self.strings
        known = strings.get

        def text(v):
            n = _len(v)
            if n > longest:
                v = v[:longest + 200]
                found = known(v)
                if found is None:
                    if _len(strings) >= 2048:
                        strings.clear()
                    found = strings[v] = quote(_repr(self._begin(v[:longest], v[longest:])))
                return '{"t":"str","r":%s,"n":%d,"cut":1}' % (found, n)
            found = known(v)
            if found is None:
                if _len(strings) >= 2048:
                    strings.clear()
                found = quote(_repr(v)) if n < 16 or not _suspicious(v) else self._masked(v)
                strings[v] = found
            return found

        return text

    def _masked(self, v):
        shown = mask(v)
        if shown == v:
            return quote(_repr(v))
        if shown == secrets.HIDDEN:
            return '{"t":"str","masked":1}'
        return '{"t":"str","r":%s,"n":%d,"cut":1}' % (quote(_repr(shown)), _len(v))

    def _bytes(self, v):
        n = _len(v)
        if n < 16:
            return quote(_repr(v))
        text = v[:self.max_str].decode("latin-1")
        shown = self._begin(text, v[self.max_str:self.max_str + 200].decode("latin-1"))
        if shown != text:
            text = "b" + _repr(shown)
        elif n <= self.max_str:
            return quote(_repr(v))
        else:
            text = _repr(v[:self.max_str])
        return '{"t":"bytes","r":%s,"n":%d,"cut":1}' % (quote(text), n)

    def _begin(self, text, more):
        """A text without the secrets that begin in it: what follows tells them better."""
        return mask(text + more)[:self.max_str] if _suspicious(text) else text

    def masked(self, v):
        """Says whether a secret of a known form is in an exact str."""
        return _len(v) >= 16 and _suspicious(v) and mask(v) != v

    def hidden(self, v):
        return mask(v) if _len(v) >= 16 else v

    def _scalar_subclass(self, v, base, out):
        if base == "str":
            text = _str.__str__(v)[:self.max_str + 200]
            out.append('"r":%s,"n":%d' % (quote(_repr(self.hidden(text)[:self.max_str])), _str.__len__(v)))
        elif base == "bytes":
            text = _bytes.__getitem__(v, _slice(0, self.max_str))
            shown = text.decode("latin-1")
            out.append('"r":%s,"n":%d' % (quote(_repr(text) if mask(shown) == shown else "b" + _repr(mask(shown))), _bytes.__len__(v)))
        elif base == "int":
            bits = _int.bit_length(v)
            out.append('"r":"%s"' % _int.__repr__(v) if bits <= 200 else '"n":%d' % bits)
        elif base == "float":
            out.append('"r":"%s"' % _float.__repr__(v))

    # Exceptions.

    def message(self, exc):
        """str(exc) where that runs C code only, else the rendering of its args."""
        return self.hidden(self._message(exc))

    def _message(self, exc):
        args, t = _get_exc_args(exc), _type(exc)
        info = self.class_info(t)
        if info.c_str and _len(args) <= 8 and self._simple(exc, t, args):
            for k in get_mro(t):
                f = get_class_dict(k).get("__str__")
                if f is not None:
                    return f(exc)[:2000] if _type(f) is SlotWrapperType and f.__objclass__ is k else _exc_str(exc)[:2000]
        parts = []
        for a in args[:8]:
            f = self.scalars.get(_id(_type(a)))
            parts.append(_repr(a)[:200] if f is not None and _type(a) is _str and _len(a) < 2000
                         else f(a).strip('"') if f is not None and _type(a) is not _str
                         else "<" + class_name(_type(a)) + ">")
        return ("(" + ", ".join(parts) + ")")[:2000] if parts else ""

    def _simple(self, exc, t, args):
        """Says whether str(exc) formats exact scalars of a bounded size only."""
        for a in args:
            ta = _type(a)
            if _id(ta) not in self.scalars or ((ta is _str or ta is _bytes) and _len(a) > 4000) or (ta is _int and _int.bit_length(a) > 200):
                return False
        if derives(t, _OSError):
            for get in _OS_FILES:  # OSError.__str__ formats these
                if _id(_type(get(exc))) not in self.scalars:
                    return False
        return True
