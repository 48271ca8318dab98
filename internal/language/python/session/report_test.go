package session

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

var testCanaries = [2]canary{{"test_ra", "one"}, {"test_rb", "two"}}

// honest is what the parent reports of a session with one passing test.
func honest() map[string]any {
	failed := func(i int, token string) map[string]any {
		return map[string]any{"t": "test", "i": i, "status": "failed", "type": "AssertionError", "message": token, "raised": true}
	}
	return map[string]any{
		"status": 1,
		"messages": []map[string]any{
			{"t": "hello", "python": "3.11.2"},
			{"t": "collected", "ids": []string{"c/test_ra.py::test_ra", "a.py::test_x", "c/test_rb.py::test_rb"}},
			{"t": "start", "i": 0}, failed(0, "one"),
			{"t": "start", "i": 1}, {"t": "test", "i": 1, "status": "passed"},
			{"t": "start", "i": 2}, failed(2, "two"),
			{"t": "end", "status": 1},
		},
	}
}

func stdout(secret string, report any) []byte {
	data, _ := json.Marshal(report)
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(data)
	_ = w.Close()
	sum := sha256.Sum256([]byte("secret"))
	return []byte("repaird-commit " + hex.EncodeToString(sum[:]) + "\nnoise\nrepaird-report zz x\n" +
		"repaird-report " + hex.EncodeToString([]byte(secret)) + " " + base64.StdEncoding.EncodeToString(z.Bytes()) + "\n")
}

func judged(t *testing.T, report any) *testrun.Result {
	t.Helper()
	rep, err := openReport(stdout("secret", report))
	if err != nil {
		t.Fatal(err)
	}
	res := &testrun.Result{Cause: sandbox.Exited}
	if err := evaluate(res, rep, testrun.Request{}, testCanaries); err != nil {
		t.Fatal(err)
	}
	return res
}

func TestAnHonestSessionIsBelieved(t *testing.T) {
	t.Parallel()
	res := judged(t, honest())
	if !res.OK() || len(res.Tests) != 1 || res.Tests[0].ID != "a.py::test_x" || res.Tests[0].Status != testrun.Passed || res.Interpreter != "3.11.2" {
		t.Fatalf("got %+v", res)
	}
}

func TestOnlyTheParentCanReport(t *testing.T) {
	t.Parallel()
	for name, out := range map[string][]byte{
		"another secret": stdout("other", honest()), "no commitment": []byte("x\n" + string(stdout("secret", honest()))), "nothing": nil,
		"a cut report": bytes.TrimSuffix(stdout("secret", honest()), []byte("\n")),
	} {
		if _, err := openReport(out); err == nil {
			t.Errorf("%s: was believed", name)
		}
	}
}

func TestEachInconsistencyIsForged(t *testing.T) {
	t.Parallel()
	type messages = []map[string]any
	for _, c := range []struct {
		name, want string
		change     func(r map[string]any, m messages) messages
	}{
		{"the first canary passed", "canary", func(_ map[string]any, m messages) messages {
			m[3]["status"], m[3]["raised"] = "passed", false
			return m
		}},
		{"the last canary failed with another message", "canary", func(_ map[string]any, m messages) messages { m[7]["message"] = "one"; return m }},
		{"the canaries are missing", "canary", func(_ map[string]any, m messages) messages {
			m[1]["ids"] = []string{"a.py::test_x"}
			return messages{m[0], m[1], {"t": "start", "i": 0}, {"t": "test", "i": 0, "status": "passed"}, m[8]}
		}},
		{"a test is missing", "collected", func(_ map[string]any, m messages) messages { return append(m[:6:6], m[8]) }},
		{"a test is reported twice", "did not run", func(_ map[string]any, m messages) messages { return append(m[:6:6], m[5:]...) }},
		{"a test ran twice", "order", func(_ map[string]any, m messages) messages { return append(m[:6:6], m[4:]...) }},
		{"a passed test had raised", "raised", func(_ map[string]any, m messages) messages { m[5]["raised"] = true; return m }},
		{"a test without an outcome", "without an outcome", func(_ map[string]any, m messages) messages { m[5]["status"] = "none"; return m }},
		{"a message after the end", "outside", func(_ map[string]any, m messages) messages { return append(m, m[4]) }},
		{"two collections", "twice", func(_ map[string]any, m messages) messages { return append(m[:2:2], m[1:]...) }},
		{"two beginnings", "twice", func(_ map[string]any, m messages) messages { return append(m[:1:1], m...) }},
		{"an unknown message", "unknown", func(_ map[string]any, m messages) messages { m[4]["t"] = "x"; return m }},
		{"no end", "before pytest did", func(_ map[string]any, m messages) messages { return m[:8] }},
		{"pytest says 0", "exit code 0, its process", func(_ map[string]any, m messages) messages { m[8]["status"] = 0; return m }},
		{"all say 0", "exited with code 0", func(r map[string]any, m messages) messages { m[8]["status"], r["status"] = 0, 0; return m }},
		{"the channel was disturbed", "by hand", func(r map[string]any, m messages) messages { r["fault"] = "by hand"; return m }},
		{"killed by a signal", "signal 9", func(r map[string]any, m messages) messages { r["status"] = -9; return m[:5] }},
	} {
		r := honest()
		r["messages"] = c.change(r, r["messages"].(messages))
		if res := judged(t, r); res.OK() || !strings.Contains(res.Forged, c.want) {
			t.Errorf("%s: got %q, want it to say %q", c.name, res.Forged, c.want)
		}
	}
}

func TestASessionThatNeverBeganIsAnError(t *testing.T) {
	t.Parallel()
	rep, err := openReport(stdout("secret", map[string]any{"status": 1, "output": "No module named pytest"}))
	if err != nil {
		t.Fatal(err)
	}
	err = evaluate(&testrun.Result{}, rep, testrun.Request{}, testCanaries)
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "No module named pytest") {
		t.Errorf("got %v", err)
	}
}

func FuzzAReportIsReadOrRefused(f *testing.F) {
	f.Add(stdout("secret", honest()))
	f.Add(stdout("secret", map[string]any{"messages": []any{map[string]any{"t": "hello"}, map[string]any{"t": "start", "i": -1}}}))
	f.Add([]byte("repaird-commit x\nrepaird-report y z\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		rep, err := openReport(out)
		if err != nil {
			return
		}
		res := &testrun.Result{Cause: sandbox.Exited}
		if evaluate(res, rep, testrun.Request{}, testCanaries) == nil && res.OK() {
			held := 0
			for _, m := range rep.Messages {
				if m.Message == "one" || m.Message == "two" {
					held++
				}
			}
			if held < 2 {
				t.Errorf("believed without canaries: %+v", res)
			}
		}
	})
}

func FuzzMessagesNeverPanic(f *testing.F) {
	data, _ := json.Marshal(honest())
	f.Add(data)
	f.Add([]byte(`{"status":1,"late":true,"messages":[{"t":"hello"},{"t":"collected","ids":["a","b"]},{"t":"start","i":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var rep report
		if json.Unmarshal(data, &rep) == nil {
			_ = evaluate(&testrun.Result{}, &rep, testrun.Request{Test: &testrun.Test{Path: "a.py", Name: "b"}}, testCanaries)
		}
	})
}
