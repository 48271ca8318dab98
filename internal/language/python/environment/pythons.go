package environment

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/sandbox"
)

// choose returns the base system for production's Python version, if it is
// known, else the newest one that the project's requires-python allows. The
// string says which it is, and why.
func choose(bases []sandbox.Base, production, requires string) (sandbox.Base, string, error) {
	if _, ok := sandbox.Minor(production); ok || len(bases) == 0 {
		return sandbox.SelectBase(bases, production)
	}
	best, found := bases[0], false
	for _, b := range bases {
		n, _ := sandbox.Minor(b.Python)
		m, _ := sandbox.Minor(best.Python)
		if allows(requires, n) && (!found || n > m) {
			best, found = b, true
		}
	}
	name := fmt.Sprintf("%s (Python %s)", best.Release, best.Python)
	switch {
	case !found:
		best = sandbox.NewestBase(bases)
		return best, fmt.Sprintf("%s (Python %s), the newest: none satisfies %s", best.Release, best.Python, requires), nil
	case requires != "":
		return best, name + ", the newest that satisfies " + requires, nil
	}
	return best, name + ", the newest: neither the event nor the project says which Python", nil
}

var clause = regexp.MustCompile(`^(===|==|!=|~=|>=|<=|>|<|\^|~)?\s*v?(\d+)(?:\.(\d+|\*))?(?:\.(\d+|\*))?`)

// allows reports whether a specifier of Python versions (PEP 440's, or
// Poetry's) allows Python 3.minor in one of its patch releases. What cannot be
// read allows everything.
func allows(spec string, minor int) bool {
	for _, alternative := range strings.Split(spec, "||") {
		all := true
		for _, c := range strings.FieldsFunc(alternative, func(r rune) bool { return r == ',' }) {
			all = all && clauseAllows(strings.TrimSpace(c), minor)
		}
		if all {
			return true
		}
	}
	return false
}

func clauseAllows(text string, minor int) bool {
	m := clause.FindStringSubmatch(text)
	if m == nil {
		return true
	}
	major, _ := strconv.Atoi(m[2])
	wanted, err := strconv.Atoi(m[3])
	whole := m[3] == "" || err != nil // the major version alone
	patched := m[4] != "" && m[4] != "*"
	order := cmpVersion(3, minor, major, wanted, whole)
	switch m[1] {
	case ">=", ">":
		return order >= 0
	case "<=":
		return order <= 0
	case "<":
		return order < 0 || order == 0 && patched && m[4] != "0"
	case "!=":
		return order != 0 || patched
	case "^":
		return order >= 0 && major == 3
	case "~=", "~":
		if m[4] != "" || m[1] == "~" && !whole {
			return order == 0
		}
		return order >= 0 && major == 3
	}
	return order == 0
}

// cmpVersion compares a.b with c.d, or with c alone.
func cmpVersion(a, b, c, d int, whole bool) int {
	switch {
	case a != c:
		return a - c
	case whole:
		return 0
	}
	return b - d
}
