"""The functions of the Renderer that are called most, made of closures, which
find their parts faster than methods do.
"""
from _json import encode_basestring_ascii as quote

import repaird_tracer.secrets as secrets
from repaird_tracer.expressions import flat_dict_text, flat_text
from repaird_tracer.scalars import DIGITS

_type, _id, _len, _int, _str, _list, _tuple, _dict, _set = type, id, len, int, str, list, tuple, dict, set
_RuntimeError = RuntimeError
_heads, head_of = secrets._heads, secrets.head_of
NAMES = {id(list): "list", id(dict): "dict", id(set): "set"}
_EMPTY = {id(list): '"r":"[]","lit":1', id(dict): '"r":"{}","lit":1', id(set): '"r":"set()","re":"set()"'}


def make_light(r):
    """The two functions of values that are only named: scalars exactly, all
    else by type, identity and length."""
    scalar_of, tag_of, class_of = r.scalars.get, r.tags.get, r.classes.known.get
    tag, class_info, masked_pair = r.tag, r.class_info, r.masked_pair
    names, empty, value_of_empty = NAMES.get, _EMPTY.get, '{"t":"%s","id":%d,"n":0,%s}'

    def light(v):
        t = _type(v)
        if t is _int and 0 <= v < 256:
            return DIGITS[v]
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


def make_fast(r):
    """The scalars' functions, and those of small containers of scalars,
    which give None for others."""
    tag_of, tag, most, longest = r.tags.get, r.tag, r.max_items, r.max_chars

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

    fast = _dict(r.scalars)
    fast[_id(_list)], fast[_id(_tuple)], fast[_id(_dict)] = of_list, of_tuple, of_dict
    return fast


def make_value(r):
    """The two functions of values as they are. They never raise for what v is."""
    fast_of, masked_pair = r.fast.get, r.masked_pair
    most, room, deepest, render = r.max_items, r.max_chars * 2, r.max_depth, r.any_value
    class_of, thing = r.classes.known.get, r.object_value

    def value(v):
        t = _type(v)
        if t is _int and 0 <= v < 256:
            return DIGITS[v]
        f = fast_of(_id(t))
        try:
            if f is not None:
                text = f(v)
                if text is not None:
                    return text
            info = class_of(_id(t))
            if info is not None and info.simple and info.ref() is t:
                return thing(v, t, info, [most * 4, room, deepest, 0, {_id(v): 1}])
            return render(v, [most * 4, room, deepest, 0, {}])
        except _RuntimeError as e:
            return r.failed(e, t)

    def named(name, v):
        head = _heads.get(name)
        if head is None:
            head = head_of(name, quote)
        if head:
            return head + value(v) + "]"
        return masked_pair(name, v) or "[%s,%s]" % (quote(name), value(v))

    return value, named


