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
they bound the time, too. A part may take half of the characters that are left,
so that the first one does not leave the others without; attributes for which
none are left are told lightly. A Room is a list of what is left of them: [items,
characters, depth, whether a constructor was used, objects that are being
rendered further out].
"""
from _json import encode_basestring_ascii as quote
from gc import get_referents as _get_referents
from itertools import count

import repaird_tracer.secrets as secrets
from repaird_tracer.classes import Classes
from repaird_tracer.descriptors import (
    BuiltinType, FunctionType, HEAP, MUTABLE, MemberType, MethodType, ModuleType, NoneType, class_module, class_name, derives,
    get_class_dict, get_flags, get_func_qualname, get_module_dict, get_mro, instance_dict)
from repaird_tracer.expressions import Expressions
from repaird_tracer.fast import NAMES, make_fast, make_light, make_value
from repaird_tracer.scalars import Scalars

_get_class_dict, _get_mro = get_class_dict, get_mro  # the names that the other parts use
is_secret, head_of, mask, hides = secrets.is_secret, secrets.head_of, secrets.mask, secrets.hides
_heads = secrets._heads

_repr, _type, _id, _len, _tuple, _slice = repr, type, id, len, tuple, slice
_str, _int, _list, _dict, _set, _frozenset = str, int, list, dict, set, frozenset
_bool, _float, _bytes, _bytearray, _complex = bool, float, bytes, bytearray, complex
_min, _max = min, max
_RuntimeError, _RecursionError, _AttributeError, _zip = RuntimeError, RecursionError, AttributeError, zip
_get_exc_args = BaseException.__dict__["args"].__get__
_get = object.__getattribute__

_KINDS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_BY_PARTS = frozenset(["deque", "SimpleNamespace", "ndarray"])
_NOTHING = {}  # never written
_SMALL = 150  # characters that are not shared any more
_BEYOND = -300  # room for the attributes that are told lightly


class Renderer(Scalars, Expressions):
    """Makes JSON text of values. in_scope(filename) says whether a file is the
    program's own: only classes made there show their shared attributes."""

    def __init__(self, in_scope, max_chars=400, max_items=32, max_depth=4):
        self.max_chars, self.max_items, self.max_depth = max_chars, max_items, max_depth
        self.max_str = _max(20, max_chars // 2)
        self.tags, self.next_tag = {}, count(1).__next__
        self.strings = {}  # JSON of strings that were looked at
        self.classes = Classes(in_scope)
        self.class_info = self.classes.info
        self.class_name, self.class_module = class_name, class_module
        self.scalars = {
            _id(NoneType): self._none, _id(_bool): self._bool, _id(_int): self._int, _id(_float): self._float,
            _id(_str): self._make_str(), _id(_bytes): self._bytes,
        }
        self.fast = make_fast(self)
        self.light, self.light_named = make_light(self)
        self.value, self.named = make_value(self)

    def tag(self, v):
        """A small number for the identity of a mutable object. Addresses are
        reused after an object's end, so equal tags are evidence only together
        with what was seen in between."""
        i = _id(v)
        n = self.tags.get(i)
        if n is None:
            if _len(self.tags) > 500000:
                self.tags.clear()
            n = self.tags[i] = self.next_tag()
        return n

    def masked_pair(self, name, v):
        """The pair of a name that hides its value; "" where it does not."""
        if is_secret(name, v):
            return '[%s,{"t":%s,"masked":1}]' % (quote(name), quote(class_name(_type(v))))
        return ""

    def failed(self, e, t):
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
        chars = room[1]
        room[1] = chars // 2 if chars > _SMALL else chars
        room[2] -= 1
        text = self.any_value(v, room)
        room[2] += 1
        room[1] = chars - _len(text)
        return text

    def any_value(self, v, room):
        t = _type(v)
        room[0] -= 1
        name = NAMES.get(_id(t))
        if name is not None or t is _tuple:
            trial = [_min(room[0], self.max_items * 3), _min(self.max_chars, room[1]), room[2], 0]
            text = self.literal(v, t, room[2], trial)
            if text is not None and _len(text) <= self.max_chars:
                text, made = quote(text), None
                if trial[3]:
                    if t is not _tuple:
                        made = '{"t":"%s","id":%d,"n":%d,"r":%s,"re":%s}' % (name, self.tag(v), _len(v), text, text)
                elif t is _tuple:
                    made = text
                else:
                    made = '{"t":"%s","id":%d,"n":%d,"r":%s,"lit":1}' % (name, self.tag(v), _len(v), text)
                if made is not None:
                    room[1] -= _len(made)
                    return made
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
                return self.object_value(v, t, info, room)
            return self._structure(v, t, info, room)
        finally:
            del seen[i]

    def object_value(self, v, t, info, room):
        """An object of which its attributes are all that there is to say."""
        head = f'{{{info.head},"id":{self.tags.get(_id(v)) or self.tag(v)}'
        if room[2] <= 0 or room[0] <= 0 or room[1] <= 0:
            return head + ',"cut":1}'
        mro = get_mro(t)
        mine = _get(v, "__dict__") if info.dict_at >= 0 else _NOTHING
        if _type(mine) is not _dict:
            mine = _NOTHING
        if info.scoped or self.classes.scoped(info, mro):
            fields = self.pairs_of(mine, room)
            if info.slots:
                self._slots(v, info, mro, fields, room)
        else:  # machinery of libraries is not worth much
            depth, room[2] = room[2], 1
            fields = self.pairs_of(mine, room)
            if info.slots:
                self._slots(v, info, mro, fields, room)
            room[2] = depth
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
            if _len(info.fields) == 2 and _tuple.__len__(v) == 2 and hides(_tuple.__getitem__(v, 0), _tuple.__getitem__(v, 1)):
                out.append('"f":[%s,[%s,%s]]' % (self._field(info.fields[0], _tuple.__getitem__(v, 0), room), quote(info.fields[1]),
                                                 _hidden(_tuple.__getitem__(v, 1))))
                return True
            for name, e in _zip(info.fields, _tuple.__iter__(v)):
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
            if not stop and (kind is _list or kind is _tuple):
                pair = kind.__getitem__(v, _FIRST)  # a name and its value, maybe
                if _len(pair) == 2 and hides(pair[0], pair[1]):
                    out.append('"n":2,"e":[%s,%s]' % (self.inner(pair[0], room), _hidden(pair[1])))
                    return False
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
            most = self.max_items
            for k, e in _dict.items(v):
                if _len(parts) >= most or room[0] <= 0 or room[1] <= 0:
                    break
                if hides(k, e):
                    val = _hidden(e)
                else:
                    val = self.inner(e, room)
                parts.append("[" + self.inner(k, room) + "," + val + "]")
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
                room[0] -= 1
                chars -= _len(text)
            parts.append(text)
        room[1] = chars
        out.append('"n":%d,"e":[%s]' % (n, ",".join(parts)))
        if _len(parts) < n:
            out.append('"cut":1')

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
            if _len(parts) >= most or items <= 0 or chars <= _BEYOND:
                parts.append(_MORE)
                break
            if _type(k) is not _str:
                continue
            head = head_for(k)
            if head:
                f = fast_of(_id(_type(e)))
                text = f(e) if f is not None else None
                if text is not None:
                    items -= 1
                    chars -= _len(head) + _len(text)
                    parts.append(head + text + "]")
                    continue
            room[0], room[1] = items, chars
            text = self._field(k, e, room)
            items, chars = room[0], chars - _len(text)
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
        return self.masked_pair(name, e) or "[%s,%s]" % (quote(name), self.inner(e, room))

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


_MORE = '["...",{"t":"?","cut":1}]'


def unwrapped(v):
    """What an asynchronous generator yields: the interpreter wraps it, to tell
    it from what the generator awaits."""
    if class_name(_type(v)) == "async_generator_wrapped_value" and not get_flags(_type(v)) & HEAP:
        held = _get_referents(v)
        if _len(held) == 1:
            return held[0]
    return v


_FIRST = slice(0, 3)


def _hidden(v):
    return '{"t":%s,"masked":1}' % quote(class_name(_type(v)))


def _changed(e):
    """Says whether a RuntimeError is that of a container which another thread
    changed, or of the recursion limit."""
    if _type(e) is _RecursionError:
        return True
    args = _get_exc_args(e)
    return _len(args) == 1 and _type(args[0]) is _str and ("changed" in args[0] or "mutated" in args[0])
