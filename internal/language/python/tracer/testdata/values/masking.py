"""Secrets are masked before the write, by name and by form. T29"""
from common import parse, renderer

long = "0123456789abcdefghijABCDEFGHIJ"
SECRETS = {  # text: what is left of it
    "AKIAIOSFODNN7EXAMPLE": None, "key AKIAIOSFODNN7EXAMPLE.": "key <masked>.", "ghp_" + long: None, "github_pat_" + long: None, "glpat-" + long: None,
    "xoxb-123456789012-abc": None, "sk-" + long: None, "sk_live_" + long: None, "rk_live_" + long: None, "AIza" + long + "12345": None, "npm_" + long + "123456": None,
    "hf_" + long: None, "SG." + long + ".x": None, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc": None,
    "Authorization: Bearer abcdef0123456789": "Authorization: Bearer <masked>", "authorization: Basic dXNlcjpwYXNzd29yZDE=": "authorization: Basic <masked>",
    "postgres://bob:hunter22@db:5432/x": "postgres://bob:<masked>@db:5432/x", "a https://u:p@h/ b http://v:q@i/": "a https://u:<masked>@h/ b http://v:<masked>@i/",
    "redis://:hunter22@h/0": "redis://:<masked>@h/0", "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest": "<masked>\nrest",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ": None, '{"password": "hunter2", "x": 1}': '{"password": "<masked>", "x": 1}', "user=a&password=hunter2&b": "user=a&password=<masked>&b",
    "client_secret: hunter2 x": "client_secret: <masked> x", "DSN password='hunter2'": "DSN password='<masked>'",
}
PLAIN = ["risk-assessment-department-of", "the basic understanding-of-things", "http://example.com/a:b@c", "http://example.com:80/x", "password == other and more",
         "the password: None was given", "task_manager_of_everything", "-----BEGIN CERTIFICATE-----\nMII", "eyJust a text with eyJ", "Bearer of bad news everywhere", "a" * 100,
         "see https://example.com/?q=1", "0123456789abcdef0123456789abcdef"]


class Thing(object):
    pass


def places(v):
    """A value wherever one may stand."""
    t = Thing()
    t.x = v
    yield v
    yield [v]
    yield [1, (v, 2)]
    yield {"x": v}
    yield {v: 1}
    yield {"a": {"b": [v, object()]}}
    yield {v}
    yield frozenset([v])
    yield t
    yield [t]
    yield ValueError(v)
    yield type("S", (str,), {})(v)
    yield v + " " * 5 + "x" * 5000
    yield v.encode("utf-8")
    yield [v.encode("utf-8")]
    yield bytearray(v.encode("utf-8"))
    yield type("B", (bytes,), {})(v.encode("utf-8"))


r = renderer()
for text, left in SECRETS.items():
    core = [w for w in (long, "IOSFODNN7EXAMPLE", "hunter2", "u:p@", "v:q@", "abcdef0123456789", "dXNlcjpwYXNzd29yZDE", "MII", "123456789012", "zdWIiOiIx") if w in text]
    assert core, text
    for place in places(text):
        for rendered in (r.value(place), r.light(place), r.named("value", place)):
            for c in core:
                assert c not in rendered, (c, rendered)
            parse(rendered)
    for c in core:
        assert c not in r.message(ValueError(text)), text
    d = parse(r.value(text))
    if left is None:
        assert d == {"t": "str", "masked": 1}, d
    else:
        assert d == {"t": "str", "r": repr(left), "n": len(text), "cut": 1}, d
for text in PLAIN:
    assert r.value(text) == r.light(text) and parse(r.value(text)) == repr(text), r.value(text)
    assert parse(r.value([text, object()]))["e"][0] == repr(text)

# A secret that begins where a text is cut.
v = "x" * 190 + " ghp_" + long
for c in (r.value(v), r.value(v.encode()), r.value([v, 1]), r.value(ValueError(v))):
    assert "ghp_0123" not in c, c

# By name.
for name in ("password", "PASSWORD", "db_passwd", "client_secret", "api_key", "apiKey", "Authorization", "private_key", "access_token", "session_id", "set_cookie", "credentials"):
    for v in ("x", 5, ["x"], {"a": "x"}, None):
        assert parse(r.named(name, v)) == [name, {"t": type(v).__name__, "masked": 1}]
        assert parse(r.value({name: v, "o": object()}))["kv"][0] == [repr(name), {"t": type(v).__name__, "masked": 1}]
        t = Thing()
        setattr(t, name, v)
        assert parse(r.value(t))["f"] == [[name, {"t": type(v).__name__, "masked": 1}]]
        assert "masked" in r.value({name: v}) and "masked" in r.value([{name: v}])
for name in ("token", "my_cookie", "signing_key", "jwt", "auth", "pwd", "x_signature", "content_hash"):
    assert "masked" in r.named(name, long), name
    assert "masked" in r.named(name, long.encode()), name
    for v in ("plain", 5, "a few words that are no key", "the_name_of_something"):
        assert "masked" not in r.named(name, v), (name, v)
for name in ("port", "key", "monkey", "author_name"):
    assert "masked" not in r.named(name, "x" * 20), name

# By the name that is a key of any kind, or the first of a pair as headers are.
from collections import OrderedDict, deque, namedtuple

import repaird_tracer.secrets as secrets


class Text(str):
    def __hash__(self):
        return 1

    def _asked(self, *_):
        raise SystemExit("the program was asked")

    __eq__ = __str__ = __repr__ = __getitem__ = lower = _asked


class Bytes(bytes):
    def _asked(self, *_):
        raise SystemExit("the program was asked")

    __str__ = __repr__ = __getitem__ = decode = _asked


Header = namedtuple("Header", "name content")
for name in ("password", "X-Api_Key", "Set-Cookie", "Private-Key", "Authorization"):
    for key in (name, name.encode(), Text(name), Bytes(name.encode())):
        for v in ("hunter2", b"hunter2", ["hunter2", 1], "hunter2 " * 4):
            pair = [(key, v), [key, v], Header(key, v), type("L", (list,), {})([key, v])]
            for place in [{key: v}, OrderedDict([(key, v)])] + pair + [[p] for p in pair] + [(p, 1) for p in pair] + [deque(pair), {"x": pair}, ValueError(pair[0])]:
                for rendered in (r.value(place), r.named("x", place)):
                    parse(rendered)
                    assert "hunter2" not in rendered and "masked" in rendered, (name, type(key), rendered)
assert parse(r.value(("password", "x"))) == {"t": "tuple", "n": 2, "e": ["'password'", {"t": "str", "masked": 1}]}
for v in (("port", "80"), ["a", "b"], ("content-type", "x"), (b"host", b"y"), (1, "password"), ("password",), ("a", "password", "b"), ("password", "a", "b")):
    assert "masked" not in r.value(v), v

# Arguments of commands.
for given, left in (
        (["--password", "hunter2", "x"], ["--password", "<masked>", "x"]), (["--password=hunter2"], ["--password=<masked>"]), (["--db-password", "-x"], ["--db-password", "-x"]),
        (["DB_PASSWORD=a b"], ["DB_PASSWORD=<masked>"]), (["-H", "X-Api-Secret: hunter2"], ["-H", "X-Api-Secret: <masked>"]), (["https://u:p@h/"], ["https://u:<masked>@h/"]),
        (["sh", "-c", "a --secret hunter2 -b"], ["sh", "-c", "a --secret <masked> -b"]), (["https://" + long + "@h/"], ["https://<masked>@h/"]),
        (["tests/test_password.py::t", "-k", "password", "-p", "x"],) * 2, (["--port", "80", "a=b", "c: d", "", "-", "--"],) * 2, (["ssh://git@example.com/password"],) * 2,
        (["x" * 1000], ["x" * 300]), (["ghp_" + long], ["<masked>"])):
    assert secrets.mask_arguments(given) == left, (given, secrets.mask_arguments(given))
