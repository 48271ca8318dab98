package find

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/repaird/repaird/internal/redact/shape"
)

// A Sensitivity says how much a name reveals about its value.
type Sensitivity int

const (
	Harmless Sensitivity = iota
	Opaque               // the value is replaced if it looks random: key, signature, code
	Weak                 // replaced unless it is a short word or number: token, session
	Strong               // replaced always: password, secret, api_key
	personal             // replaced always: e-mail, family name, date of birth
)

// words that make a name sensitive wherever they occur in it.
var wordSensitivity = map[string]Sensitivity{
	"password": Strong, "passwords": Strong, "passwd": Strong, "passwort": Strong, "pwd": Strong, "pass": Strong, "passphrase": Strong,
	"passcode": Strong, "passkey": Strong, "secret": Strong, "secrets": Strong, "credential": Strong, "credentials": Strong, "creds": Strong,
	"apikey": Strong, "privatekey": Strong, "secretkey": Strong, "accesskey": Strong, "authtoken": Strong, "accesstoken": Strong,
	"refreshtoken": Strong, "authkey": Strong, "masterkey": Strong, "encryptionkey": Strong, "signingkey": Strong, "sharedkey": Strong,
	"authorization": Strong, "cvv": Strong, "cvc": Strong, "cvv2": Strong, "otp": Strong, "totp": Strong, "mfa": Strong,
	"phpsessid": Strong, "jsessionid": Strong, "sessionid": Strong, "csrftoken": Strong, "xsrf": Strong, "csrfmiddlewaretoken": Strong,
	"connectionstring": Strong, "sas": Opaque, "mnemonic": Strong, "htpasswd": Strong, "pgpassword": Strong,

	"token": Weak, "tokens": Weak, "auth": Weak, "session": Weak, "sess": Weak, "sid": Weak, "cookie": Weak, "cookies": Weak, "jwt": Weak,
	"bearer": Weak, "csrf": Weak, "pin": Weak, "dsn": Weak, "oauth": Weak,

	"basic": Opaque, "key": Opaque, "keys": Opaque, "sig": Opaque, "signature": Opaque, "hmac": Opaque, "nonce": Opaque, "salt": Opaque,
	"webhook": Opaque, "license": Opaque, "code": Opaque, "ticket": Opaque, "cert": Opaque, "certificate": Opaque,

	"email": personal, "mail": personal, "emails": personal, "phone": personal, "telephone": personal, "mobile": personal, "msisdn": personal,
	"ssn": personal, "iban": personal, "dob": personal, "birthday": personal, "birthdate": personal, "surname": personal, "lastname": personal,
	"firstname": personal, "fullname": personal, "passport": personal, "username": personal, "street": personal, "taxid": personal,
	"ccnum": personal, "cardnumber": personal, "creditcard": personal, "pan": Opaque,
}

// pairs of neighbouring words that together make a name sensitive.
var pairSensitivity = map[string]Sensitivity{
	"api key": Strong, "api keys": Strong, "access key": Strong, "private key": Strong, "secret key": Strong, "signing key": Strong,
	"encryption key": Strong, "auth key": Strong, "master key": Strong, "shared key": Strong, "account key": Strong, "storage key": Strong,
	"service key": Strong, "app key": Strong, "application key": Strong, "client secret": Strong, "auth token": Strong, "access token": Strong,
	"refresh token": Strong, "id token": Strong, "session id": Strong, "session key": Strong, "session token": Strong, "security token": Strong,
	"csrf token": Strong, "bearer token": Strong, "api token": Strong, "bot token": Strong, "device token": Strong, "reset token": Strong,
	"auth code": Strong, "authorization code": Strong, "otp code": Strong, "pin code": Strong, "verification code": Strong, "backup codes": Strong,
	"connection string": Strong, "pass word": Strong, "pass phrase": Strong, "recovery code": Strong, "seed phrase": Strong, "license key": Strong,
	"first name": personal, "last name": personal, "full name": personal, "family name": personal, "given name": personal, "middle name": personal,
	"maiden name": personal, "user name": personal, "real name": personal, "customer name": personal, "patient name": personal,
	"birth date": personal, "date birth": personal, "card number": personal, "account number": personal, "routing number": personal,
	"social security": personal, "tax id": personal, "national id": personal, "license number": personal, "driver license": personal,
	"credit card": personal, "debit card": personal, "phone number": personal, "home address": personal, "street address": personal,
	"billing address": personal, "shipping address": personal, "address line": personal, "postal address": personal, "remote addr": personal,
	"client ip": personal, "ip address": personal, "user ip": personal,
}

// pairsByLast is pairSensitivity by the second word, then the first: most words are
// the second of no pair, which one look tells.
var pairsByLast = func() map[string]map[string]Sensitivity {
	m := map[string]map[string]Sensitivity{}
	for pair, s := range pairSensitivity {
		first, last, _ := strings.Cut(pair, " ")
		if m[last] == nil {
			m[last] = map[string]Sensitivity{}
		}
		m[last][first] = s
	}
	return m
}()

// describing words turn a name into one about the sensitive value rather than
// of it: token_count, password_field, max_tokens.
var describing = Set(`count counts counter type types len length size limit limits max min num number_of total used usage index idx
	expiry expires expire expiration expired ttl at age field fields label policy policies rule rules regex pattern valid validity required enabled
	disabled strength hint header headers class kind status error errors exists prefix suffix format algorithm alg algo validator validators
	validation manager generator factory backend backends scheme method func function view form provider providers version position pos line
	offset start end stream parser handler helper middleware required placeholder interval timeout rotation length_min attempts tries retries
	encode decode strip lower upper replace join format startswith endswith warning exception changed updated created reset_url is has no n show allow allowed use uses requires set config_name file path filename dir url_name param params`)

// Set returns the set of the words of a text.
func Set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// SensitivityOf judges a name by its words, which end at case changes, digits'
// ends and everything except letters and digits: "authToken" and
// "X-Auth-Token" have the word token, "author" does not have the word auth.
func SensitivityOf(name string) Sensitivity {
	if len(name) < 3 || len(name) > 200 {
		return Harmless
	}
	var buf [24]string
	words := splitWords(name, buf[:0])
	level := Harmless
	for i, w := range words {
		s := wordSensitivity[w]
		if s == Harmless && len(w) > 6 {
			s = compoundSensitivity(w)
		}
		if i > 0 {
			if before := pairsByLast[w]; before != nil {
				s = max(s, before[words[i-1]])
			}
		}
		level = max(level, s)
	}
	if level > Harmless && (describing[words[0]] || len(words) > 1 && describing[words[len(words)-1]]) {
		return Harmless
	}
	return level
}

// compoundSensitivity finds sensitive words in one written without a boundary:
// dbpassword, mysecretkey.
func compoundSensitivity(w string) Sensitivity {
	switch {
	case strings.Contains(w, "passw"), strings.HasSuffix(w, "passwd"), strings.HasSuffix(w, "apikey"),
		strings.HasSuffix(w, "secretkey"), strings.HasSuffix(w, "privatekey"), strings.HasSuffix(w, "accesskey"):
		return Strong
	case strings.HasSuffix(w, "secret"), strings.HasPrefix(w, "secret") && !strings.HasPrefix(w, "secreta") && !strings.HasPrefix(w, "secreti"):
		return Strong
	case strings.HasSuffix(w, "token"), strings.HasSuffix(w, "sessid"), strings.HasSuffix(w, "sessionid"):
		return Weak
	case strings.HasSuffix(w, "email"):
		return personal
	}
	return Harmless
}

// splitWords appends the lower-case words of a name.
func splitWords(name string, words []string) []string {
	start := -1
	flush := func(end int) {
		if start >= 0 {
			words = append(words, strings.ToLower(name[start:end]))
		}
		start = -1
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !shape.IsAlnum(c) {
			flush(i)
			continue
		}
		upperNow := c >= 'A' && c <= 'Z'
		if start >= 0 && upperNow {
			before := name[i-1]
			lowerBefore := before >= 'a' && before <= 'z' || before >= '0' && before <= '9'
			lowerAfter := i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'
			if lowerBefore || lowerAfter && before >= 'A' && before <= 'Z' {
				flush(i)
			}
		}
		if start < 0 {
			start = i
		}
	}
	flush(len(name))
	return words
}

// notValues are words that follow a sensitive name without being its value.
var notValues = Set(`none null nil true false undefined nan yes no on off optional str string int bytes bool any object dict list
	required invalid missing incorrect wrong expired empty blank unset default is was are be been must should cannot can not too short long
	field for and or the a an in of to has have with does did will mismatch rejected changed reset updated given provided set unknown
	error failed failure filtered redacted removed masked hidden secret password token self cls args kwargs request user username
	not_set example placeholder changeme_not basic bearer digest negotiate`)

var noValue = Set(`none null nil true false undefined nan redacted filtered removed bearer basic digest negotiate`)

var formatVerb = regexp.MustCompile(`^%[-+# 0-9.*\[\]]*[a-zA-Z]?$`)

// isPlaceholder recognises placeholders of a past or future value.
func isPlaceholder(s string, quoted bool) bool {
	t := strings.ToLower(strings.Trim(s, " \t*.x-X_<>[]{}()$%#?"))
	return t == "" || noValue[t] || !quoted && notValues[t] ||
		strings.HasPrefix(s, "[redacted") || strings.HasPrefix(s, "[Filtered") ||
		strings.HasPrefix(s, "${") || strings.HasPrefix(s, "{{") || s[0] == '{' && s[len(s)-1] == '}' ||
		strings.HasPrefix(s, "%(") || s[0] == '%' && formatVerb.MatchString(s) || len(t) <= 4 && !hasAlnum(t)
}

func hasAlnum(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return true
		}
	}
	return false
}

// Accepts decides whether a value under a name of the given sensitivity is to
// be replaced. quoted values are surely values; bare ones may be words of a
// sentence or an expression.
func (s Sensitivity) Accepts(value string, quoted bool) bool {
	if value == "" || isPlaceholder(value, quoted) {
		return false
	}
	switch s {
	case Strong, personal:
		if quoted || len(value) > 3 {
			return true
		}
		sh := shape.Of(value) // not a count, nor a word of a sentence
		return !sh.Numeric(value) && sh.Lower < len(value)
	case Weak:
		sh := shape.Of(value)
		switch {
		case sh.Numeric(value):
			return len(value) >= 6
		case sh.Digit > 0 && sh.Alnum >= 4:
			return true
		case !shape.IsASCII(value):
			return true
		}
		return sh.Alnum >= 16 || sh.Lower > 0 && sh.Upper > 1 && sh.Alnum >= 8 || quoted && sh.Other > 0 && sh.Alnum >= 8 && !shape.IsName(value)
	case Opaque:
		return shape.Random(value)
	}
	return false
}
