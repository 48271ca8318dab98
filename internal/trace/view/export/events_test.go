package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view/viewtest"
)

func TestEventsAreNumberedTimedAndPlain(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.RecordedAt(t, "control", map[string]string{"main.py": `
def total(price, rate, label):
    tax = price * rate
    if tax > 5:
        label = "d\u00e9j\u00e0 'vu'\n"
    return price + tax
def safe(text):
    try:
        return int(text)
    except ValueError:
        return None
total(100, 0.08, None)
safe("x")
`})
	var b bytes.Buffer
	if err := Events(&b, trace); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Traces []struct {
			Seq       int
			Timestamp string
			Type      string
			Depth     int
			Data      map[string]any
		}
		Metadata struct {
			Total int `json:"total_events"`
			Depth int `json:"max_depth"`
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	before := ""
	for i, e := range doc.Traces {
		if e.Seq != i+1 || e.Timestamp < before {
			t.Errorf("event %d has number %d and comes at %s, after %s", i, e.Seq, e.Timestamp, before)
		}
		before = e.Timestamp
		if at, err := time.Parse("2006-01-02T15:04:05.999999", e.Timestamp); err != nil || time.Since(at) > time.Hour {
			t.Errorf("timestamp %q: %v", e.Timestamp, err)
		}
		if e.Data["function"] == "<module>" || e.Type == "mark" {
			continue
		}
		delete(e.Data, "file")
		data, _ := json.Marshal(e.Data)
		got = append(got, fmt.Sprint(e.Depth, " ", e.Type, " ", string(data)))
	}
	want := []string{
		`1 function_entry {"arguments":{"label":null,"price":100,"rate":0.08},"function":"total","line":1}`,
		`2 variable_assignment {"function":"total","line":3,"type":"float","value":8,"variable":"tax"}`,
		`2 control_flow {"function":"total","line":3,"taken":true,"to":4}`,
		`2 variable_assignment {"function":"total","line":5,"type":"str","value":"déjà 'vu'\n","variable":"label"}`,
		`1 function_exit {"function":"total","line":5,"return_value":108}`,
		`1 function_entry {"arguments":{"text":"x"},"function":"safe","line":6}`,
		`2 exception {"exception":"ValueError","function":"safe","line":8,"message":"invalid literal for int() with base 10: 'x'"}`,
		`2 exception_handled {"exception":"ValueError","function":"safe","handler":9,"line":8}`,
		`1 function_exit {"function":"safe","line":10,"return_value":null}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if doc.Metadata.Total != len(doc.Traces) || doc.Metadata.Depth != 2 {
		t.Errorf("metadata %+v", doc.Metadata)
	}
}

func TestTextOfPythonStringsIsUnquoted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`'plain'`, "plain"}, {`"it's"`, "it's"}, {`'say "hi"'`, `say "hi"`}, {`'both \' and "'`, `both ' and "`},
		{`'tab\t\\ \x07 \xa0 \u2028 \U0001f600'`, "tab\t\\ \a \u00a0 \u2028 \U0001f600"}, {`''`, ""},
	} {
		if got, ok := unquoted(c.text); !ok || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.text, got, ok, c.want)
		}
	}
	for _, text := range []string{`'`, `b'x'`, `'a`, `'\`, `'\x'`, `x`, ``} {
		if got, ok := unquoted(text); ok {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestEventsTimesNeverRunBackwards(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"beyond all time": "9223372036854775807", "above a lifetime": "1125899906842624", "before the start": "-9223372036854775808"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace, err := trace.Read(strings.NewReader(`{"k":"meta","v":1,"f":"trace-1","pid":1,"ppid":0,"python":"3.11.2","impl":"cpython","engine":"settrace","argv":[],"cwd":"/","forked":0,"ts":1700000000}
{"k":"code","c":1,"file":"/a.py","name":"f","line":1,"args":[],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0}
{"k":"call","i":2,"p":1,"c":1,"d":1,"n":2,"t":` + at + `,"l":0}
{"k":"ret","i":2,"c":1,"t":6,"l":1,"v":"1"}
{"k":"ret","i":1,"c":1,"t":7,"l":1,"v":"1"}
`))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := Events(&b, trace); err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{"000005", "000005", "000006", "000007"} {
				if line := strings.Split(b.String(), "\n")[i+1]; !strings.Contains(line, `"timestamp":"2023-11-14T22:13:20.`+want+`"`) {
					t.Errorf("event %d is not at %s: %s", i+1, want, line)
				}
			}
		})
	}
}
