package configfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/tracer"
)

func TestConfigFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want File
		err  string
	}{
		"targets": {text: `{"trace_targets":{"paths":["/src"],"modules":["a.b"],"functions":["f"]},"output":{"log_file":"/x.jsonl","max_entries":7}}`,
			want: File{Config: tracer.Config{Include: []string{"/src"}, Modules: []string{"a.b"}, Functions: []string{"f"}, MaxRecords: 7}, LogFile: "/x.jsonl", MaxEntries: 7}},
		"targets without bounds":       {text: `{"output":{}}`, want: File{Config: tracer.Config{MaxRecords: 10_000}, MaxEntries: 10_000}},
		"options":                      {text: `{"trace_variables":true,"max_string_length":50,"max_call_depth":9,"max_trace_size_mb":1.5}`, want: File{Config: tracer.Config{Level: "variables", MaxChars: 50, MaxDepth: 9, MaxBytes: 3 << 19}}},
		"options in sections":          {text: `{"instrumentation":{"trace_control_flow":true},"filtering":{"exclude_patterns":["test_*","__init__"]}}`, want: File{Config: tracer.Config{Level: "control", ExcludeFunctions: []string{"test_*", "*__init__*"}}}},
		"nothing":                      {text: `{}`, want: File{Config: tracer.Config{Level: "functions"}}},
		"an unknown key":               {text: `{"trace_function":true}`, err: `unknown field "trace_function"`},
		"an unknown key of a section":  {text: `{"performance":{"speed":1}}`, err: `unknown field "speed"`},
		"an unknown key of the output": {text: `{"output":{"file":"x"}}`, err: `unknown field "file"`},
		"a key in two places":          {text: `{"max_call_depth":1,"filtering":{"max_call_depth":2}}`, err: "max_call_depth is there twice"},
		"no object":                    {text: `[]`, err: "not a JSON object"},
		"a negative bound":             {text: `{"max_call_depth":-1}`, err: "must not be negative"},
		"no entries":                   {text: `{"output":{"max_entries":0}}`, err: "max_entries is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "trace_config.json")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Read(path)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || fault.KindOf(err) != fault.Invalid {
					t.Errorf("got error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"trace_targets":{"paths":["/src"]},"output":{"log_file":"$HOME/x","max_entries":7}}`))
	f.Add([]byte(`{"instrumentation":{"trace_control_flow":true},"exclude_patterns":["a"],"buffer_size":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "c.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if (got == nil) == (err == nil) {
			t.Fatalf("got %v and error %v", got, err)
		}
		if got != nil && (got.Config.MaxDepth < 0 || got.Config.MaxBytes < 0 || !json.Valid(data)) {
			t.Errorf("%q gives %+v", data, got)
		}
	})
}
