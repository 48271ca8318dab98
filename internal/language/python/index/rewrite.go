package index

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"
)

var (
	baseTag = regexp.MustCompile(`(?is)<base\b[^>]*?\bhref\s*=\s*["']?([^"'\s>]+)[^>]*>`)
	anchor  = regexp.MustCompile(`(?is)(<a\b[^>]*?\bhref\s*=\s*)(?:"([^"]*)"|'([^']*)')`)
)

// rewrite makes the links of a page lead here. Pages are HTML (PEP 503) or JSON
// (PEP 691).
func (p *Proxy) rewrite(page []byte, kind string, base *url.URL) ([]byte, error) {
	if strings.Contains(kind, "json") {
		return p.rewriteJSON(page, base)
	}
	if m := baseTag.FindSubmatch(page); m != nil {
		if u, err := base.Parse(html.UnescapeString(string(m[1]))); err == nil {
			base = u
		}
		page = baseTag.ReplaceAll(page, nil)
	}
	return anchor.ReplaceAllFunc(page, func(found []byte) []byte {
		m := anchor.FindSubmatch(found)
		link := html.UnescapeString(string(m[2]) + string(m[3]))
		return append(bytes.Clone(m[1]), `"`+html.EscapeString(p.link(link, base))+`"`...)
	}), nil
}

func (p *Proxy) rewriteJSON(page []byte, base *url.URL) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(page, &doc); err != nil {
		return nil, err
	}
	var files []map[string]json.RawMessage
	if err := json.Unmarshal(doc["files"], &files); err != nil {
		return nil, err
	}
	for _, f := range files {
		var link string
		if err := json.Unmarshal(f["url"], &link); err != nil {
			return nil, err
		}
		made, err := json.Marshal(p.link(link, base))
		if err != nil {
			return nil, err
		}
		f["url"] = made
	}
	var err error
	if doc["files"], err = json.Marshal(files); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

// link is the proxy's own address of what a page links to, with the link's
// fragment, which has the file's digest. Other schemes than HTTP lead nowhere.
func (p *Proxy) link(text string, base *url.URL) string {
	u, err := base.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "/none"
	}
	fragment := u.EscapedFragment()
	u.Fragment, u.RawFragment = "", ""
	made := p.linked(u)
	if fragment != "" {
		made += "#" + fragment
	}
	return made
}
