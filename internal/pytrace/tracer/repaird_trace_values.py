"""Renders Python values as JSON within bounds, without running the program's code.

Rule: exact built-in types only are asked anything; every other object is read
through the descriptors of type and object (instance __dict__, slots, class
name). No repr, str, len, ==, hash, getattr or isinstance ever reaches an
object of the program's own. Everything used is bound at import, so that a
test that patches builtins neither sees nor disturbs the tracer.

    r = Renderer(in_scope)
    r.value([1, 2])            {"t":"list","id":1,"n":2,"r":"[1, 2]","lit":1}
    r.named("x", 5)            ["x","5"]
    r.light([1, 2])            {"t":"list","id":1,"n":2,"cut":1}

The bounds are of items and characters, for each level and for all of a value;
they bound the time, too. A Room is a list of what is left of them: [items,
characters, depth, whether a constructor was used, objects that are being
rendered further out].
"""
from _json import encode_basestring_ascii as quote

import repaird_trace_secrets as secrets
from repaird_trace_classes import Classes
from repaird_trace_descriptors import (
    BuiltinType, FunctionType, HEAP, MUTABLE, MemberType, MethodType, ModuleType, NoneType, SlotWrapperType, class_module, class_name,
    derives, get_class_dict, get_flags, get_func_code, get_func_globals, get_func_qualname, get_module_dict, get_mro, instance_dict,
    reachable)
from repaird_trace_expressions import Expressions, flat_dict_text, flat_text

_get_class_dict, _get_mro = get_class_dict, get_mro  # the names that the other parts use
is_secret, head_of, mask = secrets.is_secret, secrets.head_of, secrets.mask
_suspicious, _heads = secrets.suspicious, secrets._heads

_repr, _type, _id, _len, _tuple, _slice = repr, type, id, len, tuple, slice
_str, _int, _list, _dict, _set, _frozenset = str, int, list, dict, set, frozenset
_bool, _float, _bytes, _bytearray, _complex = bool, float, bytes, bytearray, complex
_min, _max, _map, _sum = min, max, map, sum
_Exception, _BaseException, _RuntimeError, _RecursionError = Exception, BaseException, RuntimeError, RecursionError
_AttributeError, _OSError = AttributeError, OSError
_get_exc_args = BaseException.__dict__["args"].__get__
_exc_str = BaseException.__str__
_get = object.__getattribute__
_OS_FILES = (OSError.__dict__["filename"].__get__, OSError.__dict__["filename2"].__get__)

_float_finite = frozenset(["nan", "inf", "-inf"])
_NAMES = {id(list): "list", id(dict): "dict", id(set): "set"}
_EMPTY = {id(list): '"r":"[]","lit":1', id(dict): '"r":"{}","lit":1', id(set): '"r":"set()","re":"set()"'}
_KINDS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_BIG = 1 << 62
_BY_PARTS = frozenset(["deque", "SimpleNamespace", "ndarray"])
_DIGITS = ['"%d"' % i for i in range(256)]
_NOTHING = {}  # never written


class Renderer(Expressions):
    """Makes JSON text of values. in_scope(filename) says whether a file is the
    program's own: only classes made there show their shared attributes."""

    def __init__(self, in_scope, max_chars=400, max_items=32, max_depth=4):
        self.max_chars, self.max_items, self.max_depth = max_chars, max_items, max_depth
        self.max_str = _max(20, max_chars // 2)
        self.tags = {}
        self.strings = {}  # JSON of strings that were looked at
        self.classes = Classes(in_scope)
        self.class_info = self.classes.info
        self.class_name, self.class_module = class_name, class_module
        self.scalars = {
            _id(NoneType): self._none, _id(_bool): self._bool, _id(_int): self._int, _id(_float): self._float,
            _id(_str): self._make_str(), _id(_bytes): self._bytes,
        }
        self.fast = self._make_fast()
        self.light, self.light_named = self._make_light()
        self.value, self.named = self._make_value()

    # Scalars. A JSON string is a complete Python literal; everything else is an object.

    def _none(self, v):
        return '"None"'

    def _bool(self, v):
        return '"True"' if v is True else '"False"'

    def _int(self, v):
        if 0 <= v < 256:
            return _DIGITS[v]
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

    def tag(self, v):
        """A small number for the identity of a mutable object. Addresses are
        reused after an object's end, so equal tags are evidence only together
        with what was seen in between."""
        i = _id(v)
        n = self.tags.get(i)
        if n is None:
            if _len(self.tags) > 500000:
                self.tags.clear()
            n = self.tags[i] = _len(self.tags) + 1
        return n

    # What is called most is made of closures: they find their parts fastest.

    def _make_light(self):
        """The two functions of values that are only named: scalars exactly, all
        else by type, identity and length."""
        scalar_of, tag_of, class_of = self.scalars.get, self.tags.get, self.classes.known.get
        tag, class_info, masked_pair = self.tag, self.class_info, self._masked_pair
        names, empty, value_of_empty = _NAMES.get, _EMPTY.get, '{"t":"%s","id":%d,"n":0,%s}'

        def light(v):
            t = _type(v)
            if t is _int and 0 <= v < 256:
                return _DIGITS[v]
            f = scalar_of(_id(t))
            if f is not None:
                return f(v)
            name = names(_id(t))
            if name is None:
                if t is _tuple:
                    return f'{{"t":"tuple","n":{_len(v)},"cut":1}}' if v else '"()"'
                info = class_of(_id(t))
                if info is None or info.ref() is not t:
                    info = class_info(t)
                return f'{{{info.head},"id":{tag_of(_id(v)) or tag(v)},"cut":1}}'
            if v:
                return f'{{"t":"{name}","id":{tag_of(_id(v)) or tag(v)},"n":{_len(v)},"cut":1}}'
            return value_of_empty % (name, tag_of(_id(v)) or tag(v), empty(_id(t)))

        def light_named(name, v):
            head = _heads.get(name)
            if head is None:
                head = head_of(name, quote)
            if head:
                return head + light(v) + "]"
            return masked_pair(name, v) or "[%s,%s]" % (quote(name), light(v))

        return light, light_named

    def _make_fast(self):
        """The scalars' functions, and those of small containers of scalars,
        which give None for others."""
        tag_of, tag, most, longest = self.tags.get, self.tag, self.max_items, self.max_chars

        def of_list(v):
            if not v:
                return '{"t":"list","id":%d,"n":0,"r":"[]","lit":1}' % (tag_of(_id(v)) or tag(v))
            c = v[:most + 1]
            if _len(c) <= most:
                text = flat_text(c)
                if text is not None and _len(text) <= longest:
                    return f'{{"t":"list","id":{tag_of(_id(v)) or tag(v)},"n":{_len(c)},"r":{quote(text)},"lit":1}}'
            return None

        def of_tuple(v):
            if not v:
                return '"()"'
            if _len(v) <= most:
                text = flat_text(v)
                if text is not None and _len(text) <= longest:
                    return quote(text)
            return None

        def of_dict(v):
            if not v:
                return '{"t":"dict","id":%d,"n":0,"r":"{}","lit":1}' % (tag_of(_id(v)) or tag(v))
            if _len(v) <= most:
                text = flat_dict_text(v)
                if text is not None and _len(text) <= longest:
                    return f'{{"t":"dict","id":{tag_of(_id(v)) or tag(v)},"n":{_len(v)},"r":{quote(text)},"lit":1}}'
            return None

        fast = _dict(self.scalars)
        fast[_id(_list)], fast[_id(_tuple)], fast[_id(_dict)] = of_list, of_tuple, of_dict
        return fast

    def _masked_pair(self, name, v):
        """The pair of a name that hides its value; "" where it does not."""
        if is_secret(name, v):
            return '[%s,{"t":%s,"masked":1}]' % (quote(name), quote(class_name(_type(v))))
        return ""

    def _make_value(self):
        """The two functions of values as they are. They never raise for what v is."""
        fast_of, masked_pair = self.fast.get, self._masked_pair
        most, longest, deepest, render = self.max_items, self.max_chars, self.max_depth, self._any
        class_of, thing = self.classes.known.get, self._object

        def value(v):
            t = _type(v)
            if t is _int and 0 <= v < 256:
                return _DIGITS[v]
            f = fast_of(_id(t))
            if f is not None:
                text = f(v)
                if text is not None:
                    return text
            info = class_of(_id(t))
            if info is not None and info.simple and info.ref() is t:
                try:
                    return thing(v, t, info, [most * 4, longest * 2, deepest, 0, {_id(v): 1}])
                except _RuntimeError as e:
                    return self._failed(e, t)
            try:
                return render(v, [most * 4, longest * 2, deepest, 0, {}])
            except _RuntimeError as e:
                return self._failed(e, t)

        def named(name, v):
            head = _heads.get(name)
            if head is None:
                head = head_of(name, quote)
            if head:
                return head + value(v) + "]"
            return masked_pair(name, v) or "[%s,%s]" % (quote(name), value(v))

        return value, named

    def _failed(self, e, t):
        if not _changed(e):
            raise e  # a signal handler's
        return '{"t":%s,"err":"changed or too deep"}' % quote(class_name(t)[:200])

    # Values that are no scalars.

    def inner(self, v, room):
        """A value one level further in."""
        f = self.fast.get(_id(_type(v)))
        if f is not None:
            text = f(v)
            if text is not None:
                room[0] -= 1
                room[1] -= _len(text)
                return text
        room[2] -= 1
        text = self._any(v, room)
        room[2] += 1
        return text

    def _any(self, v, room):
        t = _type(v)
        room[0] -= 1
        name = _NAMES.get(_id(t))
        if name is not None or t is _tuple:
            trial = [_min(room[0], self.max_items * 3), _min(self.max_chars, room[1]), room[2], 0]
            text = self.literal(v, t, room[2], trial)
            if text is not None and _len(text) <= self.max_chars:
                room[1] -= _len(text)
                if trial[3]:
                    if t is not _tuple:
                        text = quote(text)
                        return '{"t":"%s","id":%d,"n":%d,"r":%s,"re":%s}' % (name, self.tag(v), _len(v), text, text)
                elif t is _tuple:
                    return quote(text)
                else:
                    return '{"t":"%s","id":%d,"n":%d,"r":%s,"lit":1}' % (name, self.tag(v), _len(v), quote(text))
        else:
            f = self.scalars.get(_id(t))
            if f is not None:
                text = f(v)
                room[1] -= _len(text)
                return text
        info = self.class_info(t)
        i, seen = _id(v), room[4]
        if i in seen:
            return '{%s,"id":%d,"cyc":1}' % (info.head, self.tag(v))
        seen[i] = 1
        try:
            if info.simple:
                return self._object(v, t, info, room)
            return self._structure(v, t, info, room)
        finally:
            del seen[i]

    def _object(self, v, t, info, room):
        """An object of which its attributes are all that there is to say."""
        head = f'{{{info.head},"id":{self.tags.get(_id(v)) or self.tag(v)}'
        if room[2] <= 0 or room[0] <= 0 or room[1] <= 0:
            return head + ',"cut":1}'
        mro = get_mro(t)
        mine = _get(v, "__dict__") if info.dict_at >= 0 else _NOTHING
        if _type(mine) is not _dict:
            mine = _NOTHING
        fields = self.pairs_of(mine, room)
        if info.slots:
            self._slots(v, info, mro, fields, room)
        if fields:
            head += ',"f":[' + ",".join(fields) + "]"
            if fields[-1] is _MORE:
                return head + ',"cut":1}'
        if info.plain and (info.dotted or info.dotted is None and self.classes.dotted(t, info)):
            head += ',"new":"%s"' % info.dotted
            if info.init:
                text = self.constructed(v, t, info, mine, room)
                if text:
                    head += ',"re":' + quote(text)
        own = self.classes.shared_names(t, info, mro)
        if own:
            shared = self._shared(own, mro, mine, room)
            if shared:
                head += ',"cf":[%s]' % ",".join(shared)
        return head + "}"

    def _structure(self, v, t, info, room):
        out, text = [info.head], None
        stop = room[2] <= 0 or room[0] <= 0 or room[1] <= 0
        if info.text is not None or info.named or info.fields is not None or t is _tuple:
            text = self._text_of(v, t, room)
            if text is not None and self._as_text(v, t, info, text, out):
                return "{" + ",".join(out) + "}"
        if info.base != "tuple" and info.base != "frozenset":
            out.append('"id":%d' % self.tag(v))
        done = True
        if info.mock:
            self._mock(v, out)
        elif info.named:
            name = self._named_thing(v, t)
            if name is not None:
                out.append('"r":' + quote(name[:self.max_str]))
            else:
                done = False
        elif info.show is not None and not stop:
            done = info.show(self, v, t, info, room, out)
        elif info.fields is not None:
            done = self._fields_of_tuple(v, info, stop, room, out)
        else:
            done = self._based(v, info, stop, room, out)
        if text is not None:
            out.append('"re":' + quote(text))
        if stop:
            out.append('"cut":1')
        elif not done:
            self._attributes(v, t, info, room, out)
        return "{" + ",".join(out) + "}"

    def _text_of(self, v, t, room):
        """The expression of a value, where its type has one."""
        trial = [_min(room[0], self.max_items * 3), self.max_chars, room[2], 0]
        text = self.literal(v, t, room[2] + 1, trial)
        return text if text is not None and _len(text) <= self.max_chars else None

    def _as_text(self, v, t, info, text, out):
        """Writes a value that is best shown as its expression. What has parts
        that findings look at is shown by its parts."""
        if info.base not in ("", "frozenset", "bytearray", "int", "str", "float") or info.show is not None and info.name in _BY_PARTS:
            return False
        shown = text
        if info.named:
            shown = self._named_thing(v, t) or text
        elif info.name != "Pattern":
            if text.startswith(info.module + "." + info.name):
                shown = text[_len(info.module) + 1:]
        if info.named or info.name in ("bytearray", "array"):
            out.append('"id":%d' % self.tag(v))
        out.append('"r":%s,"re":%s' % (quote(shown), quote(text)))
        return True

    def _mock(self, v, out):
        """The name of a mock; anything else that it is asked changes it."""
        mine = instance_dict(v, get_mro(_type(v)))
        name = mine.get("_mock_name") if mine is not None else None
        if _type(name) is _str:
            out.append('"r":' + quote(_repr(name[:100])))

    def _named_thing(self, v, t):
        if t is FunctionType:
            return get_func_qualname(v)
        if t is MethodType:
            f = v.__func__
            return get_func_qualname(f) if _type(f) is FunctionType else "?"
        if t is BuiltinType:
            name = v.__qualname__
            return name if _type(name) is _str else "?"
        if t is ModuleType:
            name = get_module_dict(v).get("__name__")
            return name if _type(name) is _str else "?"
        return class_name(v)

    def _fields_of_tuple(self, v, info, stop, room, out):
        """A named tuple."""
        out.append('"n":%d' % _tuple.__len__(v))
        parts = []
        if not stop:
            for name, e in zip(info.fields, _tuple.__iter__(v)):
                if room[0] <= 0 or room[1] <= 0 or _len(parts) >= self.max_items:
                    parts.append(_MORE)
                    break
                parts.append(self._field(name, e, room))
            out.append('"f":[%s]' % ",".join(parts))
        return True

    def _based(self, v, info, stop, room, out):
        """What an object is by the built-in type that it derives from."""
        base = info.base
        if base == "dict":
            self._mapping(v, stop, room, out)
        elif base in _KINDS:
            kind = _KINDS[base]
            self.sequence(kind.__iter__(v), kind.__len__(v), room, out) if not stop else out.append('"n":%d' % kind.__len__(v))
        elif base == "bytearray":
            n = _bytearray.__len__(v)
            shown = _bytes(_bytearray.__getitem__(v, _slice(0, self.max_str)))
            text = shown.decode("latin-1")
            out.append('"r":%s,"n":%d' % (quote(_repr(shown) if mask(text) == text else "b" + _repr(mask(text))), n))
            if n > self.max_str:
                out.append('"cut":1')
        elif base == "exc":
            parts = []
            if not stop:
                for e in _get_exc_args(v)[:self.max_items]:
                    parts.append(self.inner(e, room))
            out.append('"a":[%s]' % ",".join(parts))
        elif base:
            self._scalar_subclass(v, base, out)
        return False

    def _mapping(self, v, stop, room, out):
        n, parts = _dict.__len__(v), []
        if not stop:
            fast_of, most = self.fast.get, self.max_items
            for k, e in _dict.items(v):
                if _len(parts) >= most or room[0] <= 0 or room[1] <= 0:
                    break
                if _type(k) is _str and not _heads.get(k) and is_secret(k, e):
                    val = '{"t":%s,"masked":1}' % quote(class_name(_type(e)))
                else:
                    f = fast_of(_id(_type(e)))
                    val = f(e) if f is not None else None
                    if val is None:
                        val = self.inner(e, room)
                f = fast_of(_id(_type(k)))
                key = f(k) if f is not None else None
                if key is None:
                    key = self.inner(k, room)
                room[0] -= 2
                room[1] -= _len(key) + _len(val)
                parts.append("[" + key + "," + val + "]")
        out.append('"n":%d,"kv":[%s]' % (n, ",".join(parts)))
        if _len(parts) < n and not stop:
            out.append('"cut":1')

    def sequence(self, items, n, room, out):
        """The items of an iterator of C."""
        parts, fast_of, most, chars = [], self.fast.get, self.max_items, room[1]
        for e in items:
            if _len(parts) >= most or chars <= 0 or room[0] <= 0:
                break
            f = fast_of(_id(_type(e)))
            text = f(e) if f is not None else None
            if text is None:
                room[1] = chars
                text = self.inner(e, room)
                chars = room[1]
            else:
                chars -= _len(text)
            parts.append(text)
        room[0] -= _len(parts)
        room[1] = chars
        out.append('"n":%d,"e":[%s]' % (n, ",".join(parts)))
        if _len(parts) < n:
            out.append('"cut":1')

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

    def _attributes(self, v, t, info, room, out):
        """The attributes of an object that is more than those."""
        mro = get_mro(t)
        mine = (instance_dict(v, mro) if info.dict_at >= 0 else None) or _NOTHING
        fields = self.pairs_of(mine, room) if mine else []
        if info.slots:
            self._slots(v, info, mro, fields, room)
        if fields:
            out.append('"f":[%s]' % ",".join(fields))
        own = self.classes.shared_names(t, info, mro)
        if own:
            shared = self._shared(own, mro, mine, room)
            if shared:
                out.append('"cf":[%s]' % ",".join(shared))

    def pairs_of(self, mine, room):
        """The pairs of an exact dict of attributes."""
        parts, fast_of, head_for, most = [], self.fast.get, _heads.get, self.max_items
        items, chars = room[0], room[1]
        for k, e in mine.items():
            if _len(parts) >= most or items <= 0 or chars <= 0:
                parts.append(_MORE)
                break
            if _type(k) is not _str:
                continue
            head = head_for(k)
            if head:
                f = fast_of(_id(_type(e)))
                text = f(e) if f is not None else None
                if text is not None:
                    text = head + text + "]"
                    items -= 1
                    chars -= _len(text)
                    parts.append(text)
                    continue
            room[0], room[1] = items, chars
            text = self._field(k, e, room)
            items, chars = room[0], room[1]
            if text:
                parts.append(text)
        room[0], room[1] = items, chars
        return parts

    def _slots(self, v, info, mro, parts, room):
        for at, name in info.slots:
            member = get_class_dict(mro[at]).get(name) if at < _len(mro) else None
            if _type(member) is MemberType and member.__objclass__ is mro[at] and _len(parts) < self.max_items:
                try:
                    e = member.__get__(v)
                except _AttributeError:  # unset
                    continue
                text = self._field(name, e, room)
                if text:
                    parts.append(text)

    def _field(self, name, e, room):
        head = _heads.get(name)
        if head is None:
            head = head_of(name, quote)
        if head:
            return head + self.inner(e, room) + "]"
        if name in secrets.SKIPPED:
            return ""
        return self._masked_pair(name, e) or "[%s,%s]" % (quote(name), self.inner(e, room))

    def _shared(self, own, mro, mine, room):
        """Mutable attributes of the class that the instance does not shadow:
        state that all its instances share."""
        parts = []
        for at, name in own:
            if name in mine or at >= _len(mro):
                continue
            e = get_class_dict(mro[at]).get(name)
            if _id(_type(e)) in MUTABLE:
                parts.append(self._field(name, e, room))
        return parts

    # What the line level compares.

    def shared_names(self, t, info):
        """Places in the order of resolution and names of the class's lists, dicts and sets."""
        return self.classes.shared_names(t, info, get_mro(t))

    def instance_dict(self, v, mro, info):
        """The attributes of an instance; an empty dict where it has none."""
        return (instance_dict(v, mro) if info.dict_at >= 0 else None) or _NOTHING

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


_MORE = '["...",{"t":"?","cut":1}]'


def _changed(e):
    """Says whether a RuntimeError is that of a container which another thread
    changed, or of the recursion limit."""
    if _type(e) is _RecursionError:
        return True
    args = _get_exc_args(e)
    return _len(args) == 1 and _type(args[0]) is _str and ("changed" in args[0] or "mutated" in args[0])
