"""Which names have secret values.

Two lists: sentry-sdk's default denylist, and the names that repaird redacts. The
second is written by repaird's own test from its rules (go test
./internal/redact/find -run Recorder -update) and must not be edited here.
"""

# sentry_sdk.scrubber.DEFAULT_DENYLIST
SENTRY = frozenset("""
password passwd secret api_key apikey auth credentials mysql_pwd privatekey private_key token session csrftoken sessionid
x_csrftoken x_forwarded_for set_cookie cookie authorization proxy-authorization x_api_key aiohttp_session connect.sid
csrf_token csrf _csrf _csrf_token phpsessid _session symfony user_session _xsrf xsrf-token
""".split())

# Begin of the generated lists.
STRONG = frozenset("""
accesskey accesstoken apikey authkey authorization authtoken connectionstring credential credentials creds
csrfmiddlewaretoken csrftoken cvc cvv cvv2 encryptionkey htpasswd jsessionid masterkey mfa mnemonic otp pass passcode
passkey passphrase passwd password passwords passwort pgpassword phpsessid privatekey pwd refreshtoken secret secretkey
secrets sessionid sharedkey signingkey totp xsrf
""".split())
STRONG_PAIRS = frozenset("""
access_key access_token account_key api_key api_keys api_token app_key application_key auth_code auth_key auth_token
authorization_code backup_codes bearer_token bot_token client_secret connection_string csrf_token device_token
encryption_key id_token license_key master_key otp_code pass_phrase pass_word pin_code private_key recovery_code
refresh_token reset_token secret_key security_token seed_phrase service_key session_id session_key session_token
shared_key signing_key storage_key verification_code
""".split())
WEAK = frozenset("""
auth bearer cookie cookies csrf dsn jwt oauth pin sess session sid token tokens
""".split())
DESCRIBING = frozenset("""
age alg algo algorithm allow allowed at attempts backend backends changed class config_name count counter counts created
decode dir disabled enabled encode end endswith error errors exception exists expiration expire expired expires expiry
factory field fields file filename form format func function generator handler has header headers helper hint idx index
interval is join kind label len length length_min limit limits line lower manager max method middleware min n no num
number_of offset param params parser path pattern placeholder policies policy pos position prefix provider providers
regex replace required requires reset_url retries rotation rule rules scheme set show size start startswith status
stream strength strip suffix timeout total tries ttl type types updated upper url_name usage use used uses valid
validation validator validators validity version view warning
""".split())
# End of the generated lists.

HARMLESS, WEAKLY, STRONGLY = 0, 1, 2
_MAX_KNOWN = 5000

_known = {}


def sensitivity(name):
    """How secret the value of a name is: STRONGLY, WEAKLY (texts only) or
    HARMLESS. A name's words end at case changes and at everything except letters
    and digits; "authToken" has the word token, "author" not the word auth."""
    level = _known.get(name)
    if level is None:
        if len(_known) > _MAX_KNOWN:
            _known.clear()
        level = _known[name] = _sensitivity(name)
    return level


def _sensitivity(name):
    if len(name) < 3 or len(name) > 200:
        return HARMLESS
    words = _words(name)
    least = WEAKLY if name.lower() in SENTRY else HARMLESS
    level, before = least, ""
    for word in words:
        if word in STRONG or before + "_" + word in STRONG_PAIRS or _compound(word):
            level = STRONGLY
        elif word in WEAK or word.endswith("token"):
            level = max(level, WEAKLY)
        before = word
    if words and (words[0] in DESCRIBING or len(words) > 1 and words[-1] in DESCRIBING):
        return least
    return level


def _compound(word):
    """Words written without a boundary: dbpassword, mysecretkey."""
    return len(word) > 6 and ("passw" in word or word.endswith(("secret", "apikey", "secretkey", "privatekey", "accesskey")))


def _words(name):
    words, start, size = [], -1, len(name)
    for i, c in enumerate(name):
        if not (c.isascii() and c.isalnum()):
            if start >= 0:
                words.append(name[start:i].lower())
            start = -1
            continue
        if start >= 0 and "A" <= c <= "Z":
            last = name[i - 1]
            follows = i + 1 < size and "a" <= name[i + 1] <= "z"
            if "a" <= last <= "z" or "0" <= last <= "9" or follows and "A" <= last <= "Z":
                words.append(name[start:i].lower())
                start = i
        if start < 0:
            start = i
    if start >= 0:
        words.append(name[start:].lower())
    return words
