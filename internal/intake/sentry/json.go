package sentry

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/fault"
)

// Limits on one JSON document. The deepest real events have about 30 levels; a
// recursion of 1,000 frames has 30,000 nodes.
const (
	maxDepth = 100
	maxNodes = 300_000
)

// A node is a JSON value that preserves the order of an object's members, which
// for local variables is program order. A nil node is an absent value, so that
// lookups chain. Kinds: 0 null or absent, 's' string, 'n' number, 'b' boolean,
// '[' list, '{' object.
type node struct {
	kind  byte
	str   string // text of a string, literal of a number or boolean
	keys  []string
	items []*node
	index map[string]int // large objects only
}

// parse parses exactly one JSON document. NUL characters, which PostgreSQL text
// cannot store, become U+FFFD.
func parse(data []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	left := maxNodes
	n, err := parseNode(dec, 0, &left)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fault.Errorf(fault.Invalid, "text after the JSON document")
	}
	return n, nil
}

func parseNode(dec *json.Decoder, depth int, left *int) (*node, error) {
	if depth > maxDepth {
		return nil, fault.Errorf(fault.Budget, "JSON deeper than %d levels", maxDepth)
	}
	if *left--; *left < 0 {
		return nil, fault.Errorf(fault.Budget, "JSON of more than %d values", maxNodes)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "not JSON: %w", err)
	}
	switch v := tok.(type) {
	case json.Delim:
		return parseContainer(dec, byte(v), depth, left)
	case string:
		return &node{kind: 's', str: text(v)}, nil
	case json.Number:
		return &node{kind: 'n', str: v.String()}, nil
	case bool:
		return &node{kind: 'b', str: strconv.FormatBool(v)}, nil
	}
	return &node{}, nil
}

func parseContainer(dec *json.Decoder, open byte, depth int, left *int) (*node, error) {
	n := &node{kind: open}
	for dec.More() {
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return nil, fault.Errorf(fault.Invalid, "not JSON: %w", err)
			}
			k, _ := key.(string)
			n.keys = append(n.keys, text(k))
		}
		item, err := parseNode(dec, depth+1, left)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fault.Errorf(fault.Invalid, "not JSON: %w", err)
	}
	if len(n.keys) > 16 {
		n.index = make(map[string]int, len(n.keys))
		for i, k := range n.keys {
			n.index[k] = i
		}
	}
	return n, nil
}

func text(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// get returns a member of an object, the last one if keys repeat.
func (n *node) get(path ...string) *node {
	for _, key := range path {
		if n == nil || n.kind != '{' {
			return nil
		}
		n = n.member(key)
	}
	return n
}

func (n *node) member(key string) *node {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return n.items[i]
		}
		return nil
	}
	for i := len(n.keys) - 1; i >= 0; i-- {
		if n.keys[i] == key {
			return n.items[i]
		}
	}
	return nil
}

// at returns the _meta member for index i of a list.
func (n *node) at(i int) *node { return n.get(strconv.Itoa(i)) }

// null reports whether the value is absent or null.
func (n *node) null() bool { return n == nil || n.kind == 0 }

// text returns a string, the literal of a number or boolean, or "".
func (n *node) text() string {
	if n == nil {
		return ""
	}
	return n.str
}

// integer returns a number or a numeric string, else 0.
func (n *node) integer() int {
	i, err := strconv.Atoi(n.text())
	if err != nil || i > 1<<31-1 || i < -1<<31 {
		return 0
	}
	return i
}

// list returns the items of a list, or of an object's "values", which Sentry's
// interfaces may be wrapped in.
func (n *node) list() []*node {
	if n == nil {
		return nil
	}
	if n.kind == '{' {
		n = n.get("values")
	}
	if n == nil || n.kind != '[' {
		return nil
	}
	return n.items
}

// pairs calls f for each key and value of an object or a list of pairs, to which
// Sentry's server normalises headers, cookies and tags.
func (n *node) pairs(f func(key string, value *node)) {
	if n == nil {
		return
	}
	switch n.kind {
	case '{':
		for i, k := range n.keys {
			f(k, n.items[i])
		}
	case '[':
		for _, p := range n.items {
			if p.kind == '[' && len(p.items) == 2 {
				f(p.items[0].text(), p.items[1])
			} else if k := p.get("key"); k != nil {
				f(k.text(), p.get("value"))
			}
		}
	}
}
