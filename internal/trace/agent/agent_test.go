package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/repaird/repaird/internal/trace/agent"
)

// connect starts a server on a copy of an example project, and a client of it.
func connect(t *testing.T, project string, files map[string]string) (*mcp.ClientSession, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../../examples/trace", project))); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server, err := agent.New(agent.Options{Dir: dir, Timeout: time.Minute, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	here, there := mcp.NewInMemoryTransports()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, there) }()
	client, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(ctx, here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		server.Close()
	})
	return client, dir
}

// ask calls a tool and returns its text; failed says that the tool refused.
func ask(t *testing.T, client *mcp.ClientSession, tool string, args map[string]any) (text string, failed bool) {
	t.Helper()
	result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return err.Error(), true // the arguments do not fit the schema
	}
	for _, c := range result.Content {
		if c, ok := c.(*mcp.TextContent); ok {
			text += c.Text
		}
	}
	return text, result.IsError
}

func run(t *testing.T, client *mcp.ClientSession, args map[string]any) agent.RunOutput {
	t.Helper()
	text, failed := ask(t, client, "trace", args)
	if failed {
		t.Fatal(text)
	}
	var out agent.RunOutput
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

var runTest = []string{"/usr/bin/python3", "-c", "import sys; sys.path.insert(0, '.'); import tests.test_cart as t\nfor f in (t.test_a_cart_counts_its_items, t.test_an_expensive_item_can_be_added, t.test_carts_are_independent): f()"}

func TestAnAgentFindsThePhantomItems(t *testing.T) {
	t.Parallel()
	client, dir := connect(t, "phantom", nil)
	tools, err := client.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
		if tool.InputSchema == nil || len(tool.Description) < 40 {
			t.Errorf("%s does not teach", tool.Name)
		}
	}
	if got := strings.Join(names, " "); got != "diff findings slice snapshot trace tree" {
		t.Errorf("tools %s", got)
	}
	red := run(t, client, map[string]any{"command": runTest})
	if red.Trace != "trace1" || red.ExitCode != 1 || len(red.Findings) == 0 || !strings.HasPrefix(red.Findings[0], "Cart.items is an attribute of the class") {
		t.Errorf("got %+v", red)
	}
	if !strings.Contains(red.Stderr, "AssertionError") {
		t.Errorf("the program's output is missing: %q", red.Stderr)
	}
	for tool, want := range map[string]string{"findings": "Cart.items is an attribute of the class", "tree": "Cart.add_item(", "slice": "Cart.get_item_count"} {
		args := map[string]any{"trace": "trace1"}
		if tool == "slice" {
			args["functions"] = []string{"get_item_count"}
		}
		if text, failed := ask(t, client, tool, args); failed || !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", tool, want, text)
		}
	}
	cart := filepath.Join(dir, "shop/cart.py")
	source, err := os.ReadFile(cart)
	if err != nil {
		t.Fatal(err)
	}
	fixed := strings.Replace(string(source), "self.customer_name = customer_name", "self.customer_name = customer_name; self.items = []", 1)
	if err := os.WriteFile(cart, []byte(fixed), 0o644); err != nil {
		t.Fatal(err)
	}
	green := run(t, client, map[string]any{"command": runTest})
	if green.ExitCode != 0 {
		t.Fatalf("the fix does not pass: %+v", green)
	}
	if text, failed := ask(t, client, "findings", map[string]any{"trace": "trace1", "green": "trace2"}); failed ||
		!strings.HasPrefix(text, "1. [shared] Cart.items") || !strings.Contains(text, "[diverges] The runs part in Cart.__init__: self is ") {
		t.Errorf("findings against the passing run: %s", text)
	}
	if text, failed := ask(t, client, "findings", map[string]any{"trace": "trace1", "green": "trace9"}); !failed || !strings.Contains(text, "trace9") {
		t.Errorf("a passing run that is not there: %s", text)
	}
	if text, failed := ask(t, client, "diff", map[string]any{"red": "trace1", "green": "trace2"}); failed || !strings.Contains(text, "The runs part: another argument at Cart.__init__") {
		t.Errorf("diff: %s", text)
	}
}

func TestAnAgentSeesTheStateAtALine(t *testing.T) {
	t.Parallel()
	client, _ := connect(t, "phantom", nil)
	run(t, client, map[string]any{"command": runTest, "breakpoints": []string{"shop/cart.py:11 if name == 'Laptop'"}, "watches": []string{"len(self.items)"}})
	text, failed := ask(t, client, "snapshot", nil)
	if failed || !strings.Contains(text, "watch len(self.items) = 2") || !strings.Contains(text, "name = 'Laptop'") {
		t.Errorf("got %s", text)
	}
	if text, failed := ask(t, client, "trace", map[string]any{"command": runTest, "breakpoints": []string{"nowhere"}}); !failed || !strings.Contains(text, "FILE:LINE") {
		t.Errorf("a bad breakpoint: %s", text)
	}
}

func TestWhatAnAgentReadsIsRedacted(t *testing.T) {
	t.Parallel()
	// Put together, so that no scanner takes this file for a leak.
	secret := "ghp" + "_" + "a8Fk29sLqPz0XvBn47RtYw1Mc6Jd3Hg5Ke2U"
	client, _ := connect(t, "orders", map[string]string{"leak.py": "import sys\ndef login(user, key):\n    print(key)\n    raise ValueError('refused ' + key)\nlogin('ann', '" + secret + "')\n"})
	out := run(t, client, map[string]any{"command": []string{"leak.py"}})
	all, _ := json.Marshal(out)
	texts := string(all)
	for _, tool := range []string{"findings", "tree", "slice", "snapshot"} {
		text, failed := ask(t, client, tool, nil)
		if failed {
			t.Errorf("%s: %s", tool, text)
		}
		texts += text
	}
	if !strings.Contains(texts, "login") || !strings.Contains(texts, "ValueError") {
		t.Fatalf("nothing was shown: %s", texts)
	}
	if strings.Contains(texts, secret) {
		t.Errorf("the secret left: %s", texts)
	}
}

func TestAnAgentStaysInItsDirectory(t *testing.T) {
	t.Parallel()
	client, dir := connect(t, "orders", nil)
	outside := filepath.Join(t.TempDir(), "t.jsonl")
	if err := os.WriteFile(outside, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.jsonl")); err != nil {
		t.Fatal(err)
	}
	for what, args := range map[string]map[string]any{"a path outside": {"trace": outside}, "a link that leads outside": {"trace": "link.jsonl"}, "a path that climbs": {"trace": "../../t.jsonl"}, "a trace that is not there": {"trace": "trace9"}, "no trace yet": {}} {
		if text, failed := ask(t, client, "tree", args); !failed {
			t.Errorf("%s was read: %s", what, text)
		}
	}
	if text, failed := ask(t, client, "trace", map[string]any{"command": []string{"app.py"}, "dir": ".."}); !failed {
		t.Errorf("a command ran outside: %s", text)
	}
}

func TestASecretAcrossTheCutOfTheOutputDoesNotLeave(t *testing.T) {
	t.Parallel()
	secret := "password=" + "correcthorsebattery"
	half := secret[20:]
	for what, after := range map[string]int{"of the answer": 4000 - len(half), "of the window": 64_000 - len(half)} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			client, _ := connect(t, "orders", map[string]string{"leak.py": fmt.Sprintf(
				"import sys\nsys.stdout.write('x\\n' * 70000 + 'begin %s' + '\\nend' * %d + '.' * %d)\n", secret, after/4, after%4)})
			out := run(t, client, map[string]any{"command": []string{"leak.py"}})
			if strings.Contains(out.Stdout, half) || strings.Contains(out.Stdout, "battery") || !strings.Contains(out.Stdout, "\nend") || len(out.Stdout) > 4100 {
				t.Errorf("got %d bytes: %.200q", len(out.Stdout), out.Stdout)
			}
		})
	}
}

func TestATraceFileIsRedactedBeforeItIsShortened(t *testing.T) {
	t.Parallel()
	var calls strings.Builder // with the address at each place where a view may cut
	for n := 1; n < 300; n += 4 {
		fmt.Fprintf(&calls, `{"k":"call","i":%[1]d,"p":0,"c":1,"d":0,"n":%[1]d,"t":1,"l":0,"a":[["x","'%[2]s ann.lovelace@example.org and more'"]]}
{"k":"ret","i":%[1]d,"c":1,"t":1,"l":1,"v":"None"}
`, n/4+1, strings.Repeat("a", n))
	}
	stream := `{"k":"meta","v":1,"f":"trace-1","pid":1,"ppid":0,"python":"3.11.2","impl":"cpython","engine":"settrace","argv":[],"cwd":"/","forked":0}
{"k":"code","c":1,"file":"/m.py","name":"greet","line":1,"args":["x"],"kind":""}
` + calls.String()
	client, dir := connect(t, "orders", map[string]string{"t.jsonl": stream})
	if err := os.Mkdir(filepath.Join(dir, "traces"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "traces", "trace-1.jsonl"), []byte(stream), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"t.jsonl", "traces"} {
		text, failed := ask(t, client, "tree", map[string]any{"trace": name, "unfold": true, "lines": 400})
		if failed || !strings.Contains(text, "greet(") || strings.Contains(text, " ann") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestPathsOfACallAreRelativeToItsDirectory(t *testing.T) {
	t.Parallel()
	client, dir := connect(t, "phantom", nil)
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "p.py"), []byte("def f(x):\n    return x\nf(41)\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, client, map[string]any{"command": []string{"p.py"}, "dir": "sub", "include": []string{"."}, "breakpoints": []string{"p.py:2"}})
	if text, failed := ask(t, client, "snapshot", nil); failed || !strings.Contains(text, "x = 41") {
		t.Errorf("got %s", text)
	}
	// A run that cannot start leaves the last trace the default.
	if text, failed := ask(t, client, "trace", map[string]any{"command": []string{"/nowhere/python3"}}); failed {
		t.Logf("refused: %s", text)
	}
	if text, failed := ask(t, client, "tree", map[string]any{}); failed {
		t.Errorf("the default trace: %s", text)
	}
}
