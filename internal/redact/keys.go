package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// A sensitivity says how much a name tells of its value.
type sensitivity int

const (
	harmless sensitivity = iota
	opaque               // the value is replaced where it looks random: key, signature, code
	weak                 // replaced unless it is a short word or number: token, session
	strong               // replaced always: password, secret, api_key
	personal             // replaced always: e-mail, family name, date of birth
)

// words that make a name sensitive wherever they stand in it.
var wordSensitivity = map[string]sensitivity{
	"password": strong, "passwords": strong, "passwd": strong, "passwort": strong, "pwd": strong, "pass": strong, "passphrase": strong,
	"passcode": strong, "passkey": strong, "secret": strong, "secrets": strong, "credential": strong, "credentials": strong, "creds": strong,
	"apikey": strong, "privatekey": strong, "secretkey": strong, "accesskey": strong, "authtoken": strong, "accesstoken": strong,
	"refreshtoken": strong, "authkey": strong, "masterkey": strong, "encryptionkey": strong, "signingkey": strong, "sharedkey": strong,
	"authorization": strong, "cvv": strong, "cvc": strong, "cvv2": strong, "otp": strong, "totp": strong, "mfa": strong,
	"phpsessid": strong, "jsessionid": strong, "sessionid": strong, "csrftoken": strong, "xsrf": strong, "csrfmiddlewaretoken": strong,
	"connectionstring": strong, "sas": opaque, "mnemonic": strong, "htpasswd": strong, "pgpassword": strong,

	"token": weak, "tokens": weak, "auth": weak, "session": weak, "sess": weak, "sid": weak, "cookie": weak, "cookies": weak, "jwt": weak,
	"bearer": weak, "csrf": weak, "pin": weak, "dsn": weak, "oauth": weak,

	"basic": opaque, "key": opaque, "keys": opaque, "sig": opaque, "signature": opaque, "hmac": opaque, "nonce": opaque, "salt": opaque,
	"webhook": opaque, "license": opaque, "code": opaque, "ticket": opaque, "cert": opaque, "certificate": opaque,

	"email": personal, "mail": personal, "emails": personal, "phone": personal, "telephone": personal, "mobile": personal, "msisdn": personal,
	"ssn": personal, "iban": personal, "dob": personal, "birthday": personal, "birthdate": personal, "surname": personal, "lastname": personal,
	"firstname": personal, "fullname": personal, "passport": personal, "username": personal, "street": personal, "taxid": personal,
	"ccnum": personal, "cardnumber": personal, "creditcard": personal, "pan": opaque,
}

// pairs of neighbouring words that together make a name sensitive.
var pairSensitivity = map[string]sensitivity{
	"api key": strong, "api keys": strong, "access key": strong, "private key": strong, "secret key": strong, "signing key": strong,
	"encryption key": strong, "auth key": strong, "master key": strong, "shared key": strong, "account key": strong, "storage key": strong,
	"service key": strong, "app key": strong, "application key": strong, "client secret": strong, "auth token": strong, "access token": strong,
	"refresh token": strong, "id token": strong, "session id": strong, "session key": strong, "session token": strong, "security token": strong,
	"csrf token": strong, "bearer token": strong, "api token": strong, "bot token": strong, "device token": strong, "reset token": strong,
	"auth code": strong, "authorization code": strong, "otp code": strong, "pin code": strong, "verification code": strong, "backup codes": strong,
	"connection string": strong, "pass word": strong, "pass phrase": strong, "recovery code": strong, "seed phrase": strong, "license key": strong,
	"first name": personal, "last name": personal, "full name": personal, "family name": personal, "given name": personal, "middle name": personal,
	"maiden name": personal, "user name": personal, "real name": personal, "customer name": personal, "patient name": personal,
	"birth date": personal, "date birth": personal, "card number": personal, "account number": personal, "routing number": personal,
	"social security": personal, "tax id": personal, "national id": personal, "license number": personal, "driver license": personal,
	"credit card": personal, "debit card": personal, "phone number": personal, "home address": personal, "street address": personal,
	"billing address": personal, "shipping address": personal, "address line": personal, "postal address": personal, "remote addr": personal,
	"client ip": personal, "ip address": personal, "user ip": personal,
}

// describing words turn a name into one about the sensitive thing rather than
// of it: token_count, password_field, max_tokens.
var describing = wordSet(`count counts counter type types len length size limit limits max min num number_of total used usage index idx
	expiry expires expire expiration expired ttl at age field fields label policy policies rule rules regex pattern valid validity required enabled
	disabled strength hint header headers class kind status error errors exists prefix suffix format algorithm alg algo validator validators
	validation manager generator factory backend backends scheme method func function view form provider providers version position pos line
	offset start end stream parser handler helper middleware required placeholder interval timeout rotation length_min attempts tries retries
	encode decode strip lower upper replace join format startswith endswith warning exception changed updated created reset_url is has no n show allow allowed use uses requires set config_name file path filename dir url_name param params`)

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// sensitivityOf judges a name by its words, which end at case changes, digits'
// ends and everything that is no letter or digit: "authToken" and
// "X-Auth-Token" have the word token, "author" has not the word auth.
func sensitivityOf(name string) sensitivity {
	if len(name) < 3 || len(name) > 200 {
		return harmless
	}
	var buf [24]string
	words := splitWords(name, buf[:0])
	level, describes := harmless, false
	for i, w := range words {
		s := wordSensitivity[w]
		if s == harmless && len(w) > 6 {
			s = compoundSensitivity(w)
		}
		if i > 0 {
			s = max(s, pairSensitivity[words[i-1]+" "+w])
		}
		level = max(level, s)
		describes = describes || (describing[w] && (i == 0 || i == len(words)-1))
	}
	if describes {
		return harmless
	}
	return level
}

// compoundSensitivity finds sensitive words in one written without a boundary:
// dbpassword, mysecretkey.
func compoundSensitivity(w string) sensitivity {
	switch {
	case strings.Contains(w, "passw"), strings.HasSuffix(w, "passwd"), strings.HasSuffix(w, "apikey"),
		strings.HasSuffix(w, "secretkey"), strings.HasSuffix(w, "privatekey"), strings.HasSuffix(w, "accesskey"):
		return strong
	case strings.HasSuffix(w, "secret"), strings.HasPrefix(w, "secret") && !strings.HasPrefix(w, "secreta") && !strings.HasPrefix(w, "secreti"):
		return strong
	case strings.HasSuffix(w, "token"), strings.HasSuffix(w, "sessid"), strings.HasSuffix(w, "sessionid"):
		return weak
	case strings.HasSuffix(w, "email"):
		return personal
	}
	return harmless
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
		if !isAlnum(c) {
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

// notValues are what stands after a sensitive name without being its value.
var notValues = wordSet(`none null nil true false undefined nan yes no on off optional str string int bytes bool any object dict list
	required invalid missing incorrect wrong expired empty blank unset default is was are be been must should cannot can not too short long
	field for and or the a an in of to has have with does did will mismatch rejected changed reset updated given provided set unknown
	error failed failure filtered redacted removed masked hidden secret password token self cls args kwargs request user username
	not_set example placeholder changeme_not basic bearer digest negotiate`)

var noValue = wordSet(`none null nil true false undefined nan redacted filtered removed bearer basic digest negotiate`)

var formatVerb = regexp.MustCompile(`^%[-+# 0-9.*\[\]]*[a-zA-Z]?$`)

// isPlaceholder recognises what stands where a value was, or will be.
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

// accepts decides whether a value under a name of the given sensitivity is to
// be replaced. quoted values are surely values; bare ones may be words of a
// sentence or an expression.
func (s sensitivity) accepts(value string, quoted bool) bool {
	if value == "" || isPlaceholder(value, quoted) {
		return false
	}
	switch s {
	case strong, personal:
		if quoted || len(value) > 3 {
			return true
		}
		sh := shapeOf(value) // not a count, nor a word of a sentence
		return !sh.numeric(value) && sh.lower < len(value)
	case weak:
		sh := shapeOf(value)
		switch {
		case sh.numeric(value):
			return len(value) >= 6
		case sh.digit > 0 && sh.alnum >= 4:
			return true
		case !isASCII(value):
			return true
		}
		return sh.alnum >= 16 || sh.lower > 0 && sh.upper > 1 && sh.alnum >= 8 || quoted && sh.other > 0 && sh.alnum >= 8 && !isName(value)
	case opaque:
		return looksRandom(value)
	}
	return false
}

// looksRandom reports whether a text is more likely drawn at random than
// written by a person: many changes between digits and the two cases.
func looksRandom(s string) bool {
	sh := shapeOf(s)
	if sh.alnum < 16 || strings.IndexByte(s, ' ') >= 0 {
		return false
	}
	if sh.hex {
		return sh.alnum >= 24
	}
	changes, last, run, longest := 0, byte(0), 0, 0
	for i := range len(s) {
		class := byte('o')
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			class = '0'
		case c >= 'a' && c <= 'z':
			class = 'a'
		case c >= 'A' && c <= 'Z':
			class = 'A'
		}
		if class != last {
			changes++
			run = 0
		}
		run++
		longest = max(longest, run)
		last = class
	}
	classes := 0
	for _, n := range []int{sh.digit, sh.lower, sh.upper} {
		if n > 0 {
			classes++
		}
	}
	share := float64(changes) / float64(len(s))
	switch {
	case classes < 2:
		return false
	case sh.digit == 0:
		return share >= 0.42 && sh.alnum >= 20 && longest <= 8 // InnerCapitals change less often
	case classes == 2 && sh.alnum >= 24:
		return share >= 0.2 && longest <= 14
	}
	return share >= 0.3 && longest <= 12
}
