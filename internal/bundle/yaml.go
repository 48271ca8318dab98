package bundle

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/repaird/repaird/internal/fault"
	"go.yaml.in/yaml/v3"
)

// YAML returns the bundle as YAML for people, which Open can parse too.
func (b *Bundle) YAML() []byte {
	tree, err := parse(b.JSON())
	if err != nil {
		panic("bundle: " + err.Error())
	}
	var buf bytes.Buffer
	buf.WriteString("# repaird bundle, version " + strconv.Itoa(b.Version) + ": redacted evidence of one incident.\n")
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(yamlNode(tree)); err != nil {
		panic("bundle: " + err.Error())
	}
	_ = enc.Close()
	return buf.Bytes()
}

// readingOrder is the order of keys for a human reader.
var readingOrder = []string{"version", "id", "incident", "code", "event", "redaction", "digests"}

// yamlNode builds nodes by hand, so that every string stays a string, whatever it
// looks like, and multi-line text stays readable.
func yamlNode(tree any) *yaml.Node {
	switch v := tree.(type) {
	case map[string]any:
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, k := range sortedKeys(v) {
			node.Content = append(node.Content, yamlNode(k), yamlNode(v[k]))
		}
		return node
	case []any:
		node := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			node.Content = append(node.Content, yamlNode(item))
		}
		return node
	case string:
		node := &yaml.Node{}
		node.SetString(v)
		if node.Tag == "!!str" && plainEnough(v) {
			return node
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v, Style: yaml.DoubleQuotedStyle}
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: v.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		i, j := slices.Index(readingOrder, a), slices.Index(readingOrder, b)
		if i >= 0 && j >= 0 {
			return i - j
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	return keys
}

// plainEnough reports whether a string needs no double quotes: it is ASCII words
// that no YAML parser reads as anything but a string.
func plainEnough(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if i == 0 && !letter {
			return false
		}
		if !letter && !(c >= '0' && c <= '9') && c != '.' && c != '/' && c != '-' {
			return false
		}
	}
	return true
}

// fromYAML converts a YAML bundle to JSON. It rejects aliases, multiple documents
// and anything that JSON does not have.
func fromYAML(data []byte) ([]byte, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, fault.Errorf(fault.Invalid, "neither JSON nor YAML: %s", briefly(err))
	}
	var more yaml.Node
	if dec.Decode(&more) == nil {
		return nil, fault.Errorf(fault.Invalid, "more than one YAML document")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, fault.Errorf(fault.Invalid, "not a YAML document")
	}
	tree, err := fromNode(doc.Content[0], 0)
	if err != nil {
		return nil, err
	}
	return canonicalTree(tree)
}

func fromNode(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fault.Errorf(fault.Invalid, "nested deeper than %d", maxDepth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode {
				return nil, fault.Errorf(fault.Invalid, "line %d: key is not a string", k.Line)
			}
			if _, twice := object[k.Value]; twice {
				return nil, fault.Errorf(fault.Invalid, "line %d: duplicate key", k.Line)
			}
			v, err := fromNode(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			object[k.Value] = v
		}
		return object, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := fromNode(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.ScalarNode:
		return fromScalar(n)
	}
	return nil, fault.Errorf(fault.Invalid, "line %d: aliases are not part of the format", n.Line)
}

func fromScalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!str":
		return n.Value, nil
	case "!!int":
		if _, err := strconv.ParseInt(n.Value, 10, 64); err != nil {
			return nil, fault.Errorf(fault.Invalid, "line %d: not a decimal number", n.Line)
		}
		return json.Number(n.Value), nil
	case "!!bool":
		return n.Value == "true", nil
	case "!!null":
		return nil, nil
	case "!!timestamp":
		// People drop quotes; take the text.
		return n.Value, nil
	}
	return nil, fault.Errorf(fault.Invalid, "line %d: the value's type is not part of the format", n.Line)
}
