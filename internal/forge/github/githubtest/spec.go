package githubtest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

//go:embed testdata/openapi-subset.json
var subsetJSON []byte

//go:embed testdata/openapi-extra.json
var extraJSON []byte

// A spec is GitHub's OpenAPI description of the calls that the server knows.
type spec struct {
	doc    *openapi3.T
	routes []specRoute // longest template first
}

type specRoute struct {
	template string
	re       *regexp.Regexp
	names    []string
	item     *openapi3.PathItem
}

// loadSpec merges the two documents, once per process.
var loadSpec = sync.OnceValues(func() (*spec, error) {
	var doc, extra map[string]any
	if err := json.Unmarshal(subsetJSON, &doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(extraJSON, &extra); err != nil {
		return nil, err
	}
	merge(doc, extra, 3)
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	t, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, err
	}
	s := &spec{doc: t}
	for template, item := range t.Paths.Map() {
		s.routes = append(s.routes, newSpecRoute(template, item))
	}
	slices.SortFunc(s.routes, func(a, b specRoute) int {
		if d := strings.Count(b.template, "/") - strings.Count(a.template, "/"); d != 0 {
			return d
		}
		return strings.Compare(a.template, b.template)
	})
	return s, nil
})

// merge copies the keys of src that dst lacks, down to depth levels.
func merge(dst, src map[string]any, depth int) {
	for k, v := range src {
		have, ok := dst[k]
		if !ok {
			dst[k] = v
			continue
		}
		a, isMap := have.(map[string]any)
		b, alsoMap := v.(map[string]any)
		if isMap && alsoMap && depth > 0 {
			merge(a, b, depth-1)
		}
	}
}

var paramRE = regexp.MustCompile(`\{(\w+)\}`)

// newSpecRoute compiles a path template to a pattern. The last parameter of a ref
// or contents path matches slashes too, as in GitHub's router.
func newSpecRoute(template string, item *openapi3.PathItem) specRoute {
	r := specRoute{template: template, item: item}
	var b strings.Builder
	b.WriteByte('^')
	at := 0
	for _, m := range paramRE.FindAllStringSubmatchIndex(template, -1) {
		name := template[m[2]:m[3]]
		r.names = append(r.names, name)
		b.WriteString(regexp.QuoteMeta(template[at:m[0]]))
		if at = m[1]; at == len(template) && (name == "ref" || name == "path" || name == "branch" || name == "basehead") {
			b.WriteString("(.+)")
		} else {
			b.WriteString("([^/]+)")
		}
	}
	b.WriteString(regexp.QuoteMeta(template[at:]) + "$")
	r.re = regexp.MustCompile(b.String())
	return r
}

// match finds the operation of a request.
func (s *spec) match(method, path string) (*routers.Route, map[string]string, bool) {
	for _, r := range s.routes {
		m := r.re.FindStringSubmatch(path)
		op := r.item.GetOperation(method)
		if m == nil || op == nil {
			continue
		}
		params := map[string]string{}
		for i, name := range r.names {
			params[name] = m[i+1]
		}
		return &routers.Route{Spec: s.doc, Path: r.template, PathItem: r.item, Method: method, Operation: op}, params, true
	}
	return nil, nil, false
}

// request validates a request against its operation, more strictly than OpenAPI
// requires: undocumented parameters and body fields are errors too.
func (s *spec) request(in *openapi3filter.RequestValidationInput, body []byte) error {
	in.Request.Body = readCloser(body)
	if err := openapi3filter.ValidateRequest(in.Request.Context(), in); err != nil {
		return err
	}
	var known []string
	for _, params := range []openapi3.Parameters{in.Route.PathItem.Parameters, in.Route.Operation.Parameters} {
		for _, p := range params {
			if p.Value != nil && p.Value.In == "query" {
				known = append(known, p.Value.Name)
			}
		}
	}
	for name := range in.Request.URL.Query() {
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown query parameter %q", name)
		}
	}
	if len(body) == 0 || in.Route.Operation.RequestBody == nil {
		return nil
	}
	media := in.Route.Operation.RequestBody.Value.Content["application/json"]
	var fields map[string]any
	if media == nil || media.Schema == nil || json.Unmarshal(body, &fields) != nil {
		return nil
	}
	if allowed := properties(media.Schema.Value); len(allowed) > 0 {
		for name := range fields {
			if !allowed[name] {
				return fmt.Errorf("unknown body field %q, have %v", name, slices.Sorted(maps.Keys(allowed)))
			}
		}
	}
	return nil
}

// options keep whole schemas out of error messages.
func options() *openapi3filter.Options {
	o := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, IncludeResponseStatus: true,
	}
	o.WithCustomSchemaErrorFunc(func(err *openapi3.SchemaError) string {
		return "/" + strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
	})
	return o
}

// properties returns the fields of a schema and its alternatives, or nil if it
// allows any.
func properties(sc *openapi3.Schema) map[string]bool {
	names := map[string]bool{}
	for name := range sc.Properties {
		names[name] = true
	}
	for _, refs := range []openapi3.SchemaRefs{sc.OneOf, sc.AnyOf, sc.AllOf} {
		for _, ref := range refs {
			for name := range properties(ref.Value) {
				names[name] = true
			}
		}
	}
	return names
}

// response validates a response. Undocumented statuses of 400 and above (401, 429,
// 500, …) must still be a basic error.
func (s *spec) response(in *openapi3filter.RequestValidationInput, status int, header http.Header, body []byte) error {
	if in.Route.Operation.Responses.Status(status) == nil && status >= 300 {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return err
		}
		return s.doc.Components.Schemas["basic-error"].Value.VisitJSON(v)
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: status, Header: header, Options: options(),
	}
	out.SetBodyBytes(body)
	return openapi3filter.ValidateResponse(in.Request.Context(), out)
}

// example returns a fresh copy of the document's example response.
func (s *spec) example(method, template, status string) map[string]any {
	v, _ := s.exampleValue(method, template, status).(map[string]any)
	return v
}

func (s *spec) exampleValue(method, template, status string) any {
	media := s.doc.Paths.Value(template).GetOperation(method).Responses.Value(status).Value.Content["application/json"]
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		data, err := json.Marshal(media.Examples[name].Value.Value)
		if err != nil {
			continue
		}
		var v any
		if json.Unmarshal(data, &v) == nil {
			return v
		}
	}
	return nil
}

type nopReader struct{ *bytes.Reader }

func (nopReader) Close() error { return nil }

func readCloser(b []byte) nopReader { return nopReader{bytes.NewReader(b)} }
