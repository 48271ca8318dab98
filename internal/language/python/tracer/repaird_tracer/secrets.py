"""Hides secrets before anything is written: by the name that a value has and by
what a text looks like. The second redaction, with the tokens of the bundle, is
made outside; this one is for what must not even reach the disk.

No regular expressions: importing re would cost every process of the program
several milliseconds.
"""
from repaird_tracer.descriptors import derives

_len, _type, _str, _bytes, _slice = len, type, str, bytes, slice

HIDDEN = "<masked>"

_SECRET = ("password", "passwd", "passphrase", "secret", "api_key", "apikey", "authorization", "credential",
           "private_key", "privatekey", "access_token", "refresh_token", "auth_token", "access_key", "sessionid",
           "session_id", "set_cookie", "csrf")
_MAYBE = ("token", "cookie", "pwd", "jwt", "bearer", "signature", "otp", "salt", "auth", "hmac", "nonce")
_MAYBE_END = ("key", "_sig", "_hash", "digest")

PLAIN, SECRET, LOOKS = 0, 1, 2
_kinds = {}  # what is known of names
_heads = {}
PLAIN_NAMES = set()  # short names that hide nothing


def _kind(name):
    low = name.lower().replace("-", "_")
    for part in _SECRET:
        if part in low:
            return SECRET
    for part in _MAYBE:
        if part in low:
            return LOOKS
    return LOOKS if low.endswith(_MAYBE_END) and low != "key" else PLAIN


def is_secret(name, value, _type=type, _str=str, _bytes=bytes):
    """Says whether a value under this name, an exact str, is masked. Under "token"
    and the like it is where it looks like one: parsers have tokens too."""
    kind = _kinds.get(name)
    if kind is None:
        kind = _kind(name)
        if _len(_kinds) > 20000:
            _kinds.clear()
        if _len(name) < 200:
            _kinds[name] = kind
            if kind == PLAIN and _len(name) < 16:
                if _len(PLAIN_NAMES) > 20000:
                    PLAIN_NAMES.clear()
                PLAIN_NAMES.add(name)
    if kind != LOOKS:
        return kind == SECRET
    t = _type(value)
    if t is _bytes:
        return _len(value) >= 16 and _random(value[:4096].decode("latin-1"))
    return t is _str and _len(value) >= 16 and _random(value[:4096])


_NO_NAMES = frozenset(map(id, (int, tuple, type(None), bool, float)))
_NAME = 100  # characters of a name that are looked at


def hides(k, value, _id=id):
    """is_secret of any key of a dict, or first item of a pair as the headers of
    HTTP are: the names are texts, bytes, or of a class that derives from those."""
    t = _type(k)
    if t is _str:
        return k not in PLAIN_NAMES and is_secret(k if _len(k) <= _NAME else k[:_NAME], value)
    if _id(t) in _NO_NAMES:
        return False
    if t is _bytes:
        return is_secret(k[:_NAME].decode("latin-1"), value)
    if derives(t, _str):
        return is_secret(_str.__getitem__(k, _slice(0, _NAME)), value)
    return derives(t, _bytes) and is_secret(_bytes.__getitem__(k, _slice(0, _NAME)).decode("latin-1"), value)


def _random(text):
    """Says whether text looks like a key: one word with a digit in it or both cases."""
    if _len(text.split(None, 1)) != 1:
        return False
    return not (text.islower() or text.isupper()) or _digits(text)


_DIGITS = "0123456789"


def _digits(text):
    for d in _DIGITS:
        if d in text:
            return True
    return False


def head_of(name, quote):
    """The JSON of a name and what stands before it in a pair, "" where a value
    under this name may have to be masked or left out."""
    head = _heads.get(name)
    if head is None:
        is_secret(name, None)
        plain = _kinds.get(name, SECRET) == PLAIN and name not in SKIPPED
        head = "[%s," % quote(name) if plain else ""
        if _len(_heads) > 20000:
            _heads.clear()
        _heads[name] = head
    return head


# Attributes of libraries' machinery: SQLAlchemy's and Django's state of an
# object is not the program's, and large.
SKIPPED = frozenset(["_sa_instance_state", "_state"])

_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_KEY = _WORD + "_-"
_DOTTED = _KEY + ".=+/~"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

# Beginnings of keys, the letters that go on, and how many there are at least.
# Formats: https://docs.github.com/authentication (gh?_), Slack (xox?-), AWS
# (AKIA, ASIA), OpenAI and Stripe (sk-, sk_), Google (AIza), RFC 7519 (eyJ).
_KEYS = (
    ("AKIA", _UPPER, 12), ("ASIA", _UPPER, 12),
    ("ghp_", _WORD, 20), ("gho_", _WORD, 20), ("ghu_", _WORD, 20), ("ghs_", _WORD, 20), ("ghr_", _WORD, 20),
    ("github_pat_", _KEY, 20), ("glpat-", _KEY, 15),
    ("xoxb-", _KEY, 10), ("xoxp-", _KEY, 10), ("xoxa-", _KEY, 10), ("xoxe-", _KEY, 10), ("xoxr-", _KEY, 10), ("xoxs-", _KEY, 10),
    ("sk-", _KEY, 16), ("sk_", _KEY, 16), ("rk_live_", _KEY, 12), ("AIza", _KEY, 30), ("npm_", _WORD, 30), ("hf_", _WORD, 25),
    ("pypi-", _KEY, 30), ("SG.", _DOTTED, 30), ("eyJ", _DOTTED, 20), ("earer ", _DOTTED, 12), ("asic ", _DOTTED, 12),
)


def suspicious(v):
    """A quick look: no secret of a known form is in a text for which this is false."""
    return ("sk-" in v or "sk_" in v or "eyJ" in v or "://" in v or "earer " in v or "asic " in v or "-----BEGIN" in v
            or "gh" in v and ("ghp_" in v or "gho_" in v or "ghu_" in v or "ghs_" in v or "ghr_" in v)
            or "AKIA" in v or "ASIA" in v or "xox" in v or "_pat_" in v or "glpat-" in v or "AIza" in v
            or "npm_" in v or "hf_" in v or "rk_live_" in v or "pypi-" in v or "SG." in v or "assw" in v or "ecret" in v)


def mask(text):
    """The text with <masked> in the place of secrets; the same text where there is none."""
    if not suspicious(text):
        return text
    for prefix, letters, least in _KEYS:
        if prefix in text:
            text = _mask_key(text, prefix, letters, least)
    if "-----BEGIN" in text:
        text = _mask_pem(text)
    if "://" in text:
        text = _mask_url(text)
    if "assw" in text or "ecret" in text:
        text = _mask_assigned(_mask_assigned(text, "assw"), "ecret")
    return text


def mask_arguments(arguments, most=300):
    """The arguments of a command, exact strs, each of at most so many characters,
    without the secrets of --NAME VALUE, --NAME=VALUE, NAME=VALUE and "NAME: VALUE"."""
    shown, option = [], ""
    for a in arguments:
        a = a[:4 * most]
        if option and a[:1] != "-" and is_secret(option, a):
            a, option = HIDDEN, ""
        else:
            a, option = _mask_argument(a)
        shown.append(a[:most])
    return shown


def _mask_argument(a):
    """An argument, and the name where it is an option whose value may follow."""
    text = a.lstrip("-")
    name, equals, value = text.partition("=")
    if not equals:
        name, equals, value = text.partition(": ")
    if not name.strip(_KEY):
        if not equals:
            return mask(a), text if text != a else ""
        if is_secret(name, value):
            return a[:_len(a) - _len(value)] + HIDDEN, ""
    if " -" in a:  # a command for a shell
        return mask(" ".join(mask_arguments(a.split(" "), 4 * _len(a)))), ""
    return mask(a), ""


def _mask_key(text, prefix, letters, least):
    at = text.find(prefix)
    for _ in range(16):
        if at < 0:
            break
        end = at + _len(prefix)
        if at == 0 or text[at - 1] not in _WORD or prefix[-1] == " ":
            rest = text[end:]
            run = _len(rest) - _len(rest.lstrip(letters))
            if run >= least and (_len(prefix) > 3 and prefix[-1] != " " or _digits(rest[:run])):
                begin = end if prefix[-1] == " " else at
                text = text[:begin] + HIDDEN + rest[run:]
                end = begin + _len(HIDDEN)
        at = text.find(prefix, end)
    return text


def _mask_pem(text):
    at = text.find("-----BEGIN")
    if "PRIVATE KEY" not in text[at:at + 60]:
        return text
    end = text.find("-----END", at)
    after = text.find("-----", end + 8) if end >= 0 else -1
    return text[:at] + HIDDEN + (text[after + 5:] if after >= 0 else "")


def _mask_url(text):
    """Masks the password of scheme://user:password@host."""
    at = text.find("://")
    for _ in range(16):
        if at < 0:
            break
        words = text[at + 3:at + 403].split(None, 1)
        authority = words[0] if words and not text[at + 3:at + 4].isspace() else ""
        for stop in "/?#'\"":
            authority = authority.partition(stop)[0]
        user = authority.rpartition("@")[0]
        name, colon, password = user.partition(":")
        at += 3
        if not colon and _len(user) >= 16 and _random(user):  # a token alone
            text = text[:at] + HIDDEN + text[at + _len(user):]
        elif colon and password and password != HIDDEN:
            begin = at + _len(name) + 1
            text = text[:begin] + HIDDEN + text[begin + _len(password):]
        at = text.find("://", at)
    return text


def _mask_assigned(text, word):
    """Masks x in password=x, "password": "x" and the like."""
    at = text.find(word)
    for _ in range(16):
        if at < 0:
            break
        tail = text[at:at + 240]
        rest = tail.lstrip(_KEY)
        value = rest.lstrip("\\\"'] ")
        if value[:1] in ("=", ":") and value[:2] not in ("==", "::"):
            value = value[1:].lstrip(" ")
            value = value.lstrip("\\\"'")
            run = 0
            for c in value:
                if c in " \t\r\n\"'&;,)}]\\":
                    break
                run += 1
            begin = at + _len(tail) - _len(value)
            if run >= 3 and value[:run] not in ("None", "null", "True", "False", HIDDEN):
                text = text[:begin] + HIDDEN + text[begin + run:]
        at = text.find(word, at + _len(word))
    return text
