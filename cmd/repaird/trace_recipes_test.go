package main

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// A project with all the names that bottrace's page uses.
var recipeProject = map[string]string{
	"app.py": `import logging
import os
import sys

from app_core import core

logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING"))


def validate_item(item):
    return item["id"] > 0


def main(argv):
    logging.debug("arguments %s", argv)
    items = [{"id": n} for n in range(1, 13)]
    valid = sum(1 for item in items if validate_item(item))
    print(core.process(items[:3], valid))


main(sys.argv[1:])
`,
	"app_core/__init__.py": "",
	"app_core/core.py": `from app_core import api


def process(items, valid):
    total = 0
    for item in items:
        total += api.handle(api.Request(item["id"]))
    return total, valid
`,
	"app_core/api.py": `class Request:
    def __init__(self, user_id):
        self.user_id = user_id


def handle(request):
    result = request.user_id * 2
    return result
`,
	"manage.py": `import sys


def migrate():
    return "migrated"


def main():
    print({"migrate": migrate}[sys.argv[1]]())


main()
`,
	"buggy.py": `def get_user(user_id):
    conn = {}
    return conn[user_id]


get_user("user_id")
`,
	"cli.py": `import sys


def boot():
    dispatch(sys.argv[1])


def dispatch(what):
    deploy()


def deploy():
    effect()


def effect():
    too_deep()


def too_deep():
    pass


boot()
`,
	"handlers/__init__.py": "", "handlers/v1/__init__.py": "", "handlers/v2/__init__.py": "",
	"handlers/v1/foo.py": "class FooHandler:\n    def handle(self):\n        pass\n",
	"handlers/v2/foo.py": "class FooHandler:\n    def handle(self):\n        pass\n",
	"handle.py": `from handlers.v2.foo import FooHandler
FooHandler().handle()
`,
	"test_new_class.py": `class NewClass:
    def work(self):
        return 1


NewClass().work()
`,
	"src/main.py": `import sys

import camera
from auth import login


def normalize_vec3(v):
    return [x / (sum(y * y for y in v) or 1) for x in v]


def main():
    assert "--windowed" in sys.argv[1:] or len(sys.argv) == 1
    for n in range(20):
        normalize_vec3((n, 1, 2))
    camera.look()
    login.check()


main()
`,
	"src/camera.py":        "def look():\n    return 1\n",
	"src/auth/__init__.py": "",
	"src/auth/login.py":    "def check():\n    return helper()\n\n\ndef helper():\n    return True\n",
}

func TestRecipes(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "jq", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	for _, c := range []struct {
		name, line string
		want       string // a regular expression for all of standard output
		stderr     string // a part of standard error
		code       int
	}{
		{name: "find all code executed by a feature: trace it", line: `repaird trace manage.py migrate --calls > trace.txt
grep "^CALL" trace.txt | awk '{print $3}' | cut -d: -f1 | sort -u`, want: `manage\.py\n`},
		{name: "find all code executed by a feature: frequency", line: `repaird trace manage.py migrate --call-counts`,
			want: `migrated\n\nCall Counts \(Top 10\):\n   1 calls to <module> \(manage\.py:1\)\n   1 calls to migrate \(manage\.py:4\)\n   1 calls to main \(manage\.py:8\)\n`},
		{name: "disambiguate symbols of one name", line: `repaird trace handle.py handle_request --calls | grep FooHandler`,
			want: `CALL FooHandler handlers/v2/foo\.py:1\nRETURN FooHandler\n`},
		{name: "disambiguate methods by qualified names", line: `repaird trace handle.py --calls --qualified | grep -F FooHandler.handle`,
			want: `CALL FooHandler\.handle handlers/v2/foo\.py:2\nRETURN FooHandler\.handle\n`},
		{name: "verify that there are no forbidden dependencies", line: `repaird trace test_new_class.py --calls > trace.txt
grep "legacy_module" trace.txt; echo "matches: $?"`, want: `matches: 1\n`},
		{name: "logging and calls together", line: `LOG_LEVEL=DEBUG repaird trace app.py --calls --max-depth 5 2>&1 | tee output.txt`,
			want: `(?s).*DEBUG:root:arguments \[\]\n.*CALL main app\.py:14\n.*`},
		{name: "why something is called so often", line: `repaird trace app.py --call-counts`,
			want: `(?s).*Call Counts \(Top 10\):\n  13 calls to <genexpr> \(app\.py:17\)\n  12 calls to validate_item \(app\.py:10\)\n.*|(?s).*Call Counts \(Top 10\):\n  12 calls to validate_item \(app\.py:10\)\n.*`},
		{name: "end-to-end flow", line: `repaird trace cli.py deploy --calls --max-depth 4`,
			want: `CALL <module> cli\.py:1\nCALL boot cli\.py:4\nCALL dispatch cli\.py:8\nCALL deploy cli\.py:12\nRETURN deploy\nRETURN dispatch\nRETURN boot\nRETURN <module>\n`},
		{name: "an exception with its locals", line: `repaird trace buggy.py --on-exception snapshot --locals`, code: 1, stderr: "KeyError: 'user_id'",
			want: `Exception: KeyError\('?user_id'?\)\n\nStack:\n  get_user\(\) buggy\.py:3\n    Locals:\n      conn: \{\}\n      user_id: 'user_id'\n  <module>\(\) buggy\.py:6\n(?s).*`},
		{name: "state at locations", line: `repaird trace app.py \
  --breakpoint app_core/core.py:7 \
  --breakpoint app_core/api.py:7 \
  --watch 'len(items)' \
  --watch 'request.user_id' \
  --snapshots 5 \
  --json-out debug.json > /dev/null
jq -c '.snapshots[0].stack[0].locals' debug.json
jq -c '.snapshots[] | .watches[] | select(.error == null)' debug.json`, stderr: "MAX_SNAPSHOTS reached (5)\n",
			want: `\{"item":"\{'id': 1\}","items":"\[\{'id': 1\}, \{'id': 2\}, \{'id': 3\}\]","total":"0","valid":"12"\}\n` +
				`\{"expression":"len\(items\)","value":"3","error":null\}\n\{"expression":"request\.user_id","value":"1","error":null\}\n(?s).*`},
		{name: "step 1: the shape", line: `repaird trace app.py --call-counts --timeout 50`, want: `(?s).*Call Counts \(Top 10\):\n.*`},
		{name: "step 2: the files", line: `repaird trace app.py --calls --max-events 5000 2>&1 | \
  grep "^CALL" | awk '{print $3}' | cut -d: -f1 | sort -u`, want: `app\.py\napp_core/__init__\.py\napp_core/api\.py\napp_core/core\.py\n`},
		{name: "step 3: one module", line: `repaird trace src/main.py --calls --include src/auth/ --max-events 1000`,
			want: `CALL <module> src/auth/__init__\.py:1\nRETURN <module>\nCALL <module> src/auth/login\.py:1\nRETURN <module>\nCALL check src/auth/login\.py:1\nCALL helper src/auth/login\.py:5\nRETURN helper\nRETURN check\n`},
		{name: "step 3: limited depth", line: `repaird trace app.py --calls --max-depth 3 --max-events 1000 | grep -c "^CALL handle "`, want: `0\n`, code: 1},
		{name: "a game: hotspots", line: `repaird trace src/main.py --calls --max-events 50000 2>&1 | \
  grep "^CALL" | awk '{print $2, $3}' | sort | uniq -c | sort -rn | head -10`, want: `(?s) +80 <genexpr> src/main\.py:8\n.* +20 normalize_vec3 src/main\.py:7\n.*|(?s) +60 <genexpr> src/main\.py:8\n.*`},
		{name: "a game: flags of its own", line: `SDL_AUDIODRIVER=dummy repaird trace src/main.py --windowed --call-counts --timeout 50`,
			want: `(?s).* calls to normalize_vec3 \(src/main\.py:7\)\n.*`},
		{name: "decoupling", line: `repaird trace src/main.py --calls --max-events 50000 > trace.txt
grep "camera.py" trace.txt | grep -c "adversary"`, want: `0\n`, code: 1},
		{name: "high-level flow", line: `repaird trace src/main.py --calls --max-depth 2 --max-events 500`,
			want: `CALL <module> src/main\.py:1\nCALL <module> src/camera\.py:1\nRETURN <module>\n(?s).*CALL main src/main\.py:11\nRETURN main\nRETURN <module>\n`},
		{name: "narrowing", line: `repaird trace src/main.py --calls --exclude src/auth --max-depth 3 | grep -c auth`, want: `0\n`, code: 1},
		{name: "agent discovery", line: `RESULT=$(repaird trace src/main.py --breakpoint src/camera.py:2 --json-out trace.json --print-result)
FILE=$(echo "$RESULT" | jq -r '.result_file')
COUNT=$(echo "$RESULT" | jq -r '.snapshots')
echo "$RESULT $FILE $COUNT"`, want: `\{"result_file": "trace\.json", "snapshots": 1\} trace\.json 1\n`},
		{name: "snapshots as lines of JSON", line: `repaird trace src/main.py --breakpoint src/camera.py:2 | jq -r '.breakpoint, .stack[0].function, .stack[1].locals'`,
			want: `src/camera\.py:2\nlook\nnull\n`},
		{name: "a quick look without JSON", line: `repaird trace src/main.py --breakpoint src/main.py:8 --snapshots 1 --verbose > /dev/null`, want: ``,
			stderr: "SNAPSHOT #1 at src/main.py:8\n  Function: normalize_vec3()\n    v = (0, 1, 2)\n"},
		{name: "calls per file", line: `repaird trace cli.py x --calls > trace.txt
grep "^CALL" trace.txt | awk '{print $3}' | cut -d: -f1 | sort | uniq -c | sort -rn`, want: ` +6 cli\.py\n`},
		{name: "all calls of one function", line: `repaird trace cli.py x --calls > trace.txt; grep "^CALL effect" trace.txt`, want: `CALL effect cli\.py:16\n`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newTraceProject(t, recipeProject)
			got := p.shell(t, c.line)
			if !regexp.MustCompile(`^(?:` + c.want + `)$`).MatchString(got.stdout) {
				t.Errorf("standard output:\n%s\nwant:\n%s", got.stdout, c.want)
			}
			if got.code != c.code || !strings.Contains(got.stderr, c.stderr) {
				t.Errorf("exit code %d, want %d; standard error:\n%s", got.code, c.code, got.stderr)
			}
		})
	}
}

// The snapshots' file has the form that bottrace's page shows.
func TestSnapshotFile(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, recipeProject)
	got := p.trace(t, "app.py", "--breakpoint", "app_core/api.py:7 hit 2", "--watch", "request.user_id", "--watch", "no_such_name", "--json-out", "snap.json")
	if got.code != 0 {
		t.Fatal(got)
	}
	type form struct {
		Version   *int `json:"version"`
		Snapshots []struct {
			Breakpoint *string  `json:"breakpoint"`
			Timestamp  *float64 `json:"timestamp"`
			Stack      []struct {
				Function *string            `json:"function"`
				Filename *string            `json:"filename"`
				Lineno   *int               `json:"lineno"`
				Locals   *map[string]string `json:"locals"`
			} `json:"stack"`
			Watches []struct {
				Expression *string `json:"expression"`
				Value      *string `json:"value"`
				Error      *string `json:"error"`
			} `json:"watches"`
		} `json:"snapshots"`
	}
	var x form
	d := json.NewDecoder(strings.NewReader(p.read(t, "snap.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&x); err != nil {
		t.Fatal(err)
	}
	if x.Version == nil || *x.Version != 1 || len(x.Snapshots) != 1 {
		t.Fatalf("%s", p.read(t, "snap.json"))
	}
	s := x.Snapshots[0]
	if *s.Breakpoint != "app_core/api.py:7" || *s.Timestamp < 1.7e9 || len(s.Stack) != 4 || len(s.Watches) != 2 {
		t.Fatalf("%s", p.read(t, "snap.json"))
	}
	top := s.Stack[0]
	if *top.Function != "handle" || *top.Filename != p.dir+"/app_core/api.py" || *top.Lineno != 7 || !strings.HasPrefix((*top.Locals)["request"], "Request(user_id=2") {
		t.Errorf("top of the stack: %s", p.read(t, "snap.json"))
	}
	if w := s.Watches[0]; *w.Value != "2" || w.Error != nil {
		t.Errorf("first watch: %s", p.read(t, "snap.json"))
	}
	if w := s.Watches[1]; w.Value != nil || !strings.Contains(*w.Error, "no_such_name") {
		t.Errorf("second watch: %s", p.read(t, "snap.json"))
	}
}

func TestBreakpoints(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"loop.py": `class Cart:
    def add(
        self,
        n,
    ):
        """Adds."""
        self.n = n
        return n


async def later():
    return 1


for i in range(6):
    Cart().add(i)
`})
	for name, c := range map[string]struct {
		args   []string
		want   int
		stderr string
	}{
		"each time":                        {[]string{"--breakpoint", "loop.py:7"}, 6, "loop.py:7 - 6 hits"},
		"with a condition":                 {[]string{"--breakpoint", "loop.py:7 if n % 2"}, 3, ""},
		"with a condition in its own flag": {[]string{"--breakpoint", "loop.py:7", "--condition", "n > 3"}, 2, ""},
		"at one hit":                       {[]string{"--breakpoint", "loop.py:7 hit 4"}, 1, ""},
		"at a def: in its function":        {[]string{"--breakpoint", "loop.py:2"}, 6, "Adjusted breakpoint from line 2 (def) to line 7 (first statement)"},
		"by the function's name":           {[]string{"--break-func", "add"}, 6, ""},
		"by the qualified name":            {[]string{"--break-func", "Cart.add"}, 6, ""},
		"by module and name":               {[]string{"--break-func", "loop:Cart.add"}, 6, ""},
		"a limit":                          {[]string{"--breakpoint", "loop.py:7", "--snapshots", "2"}, 2, "MAX_SNAPSHOTS reached (2)"},
		"a condition that raises":          {[]string{"--breakpoint", "loop.py:7 if nothing"}, 0, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := p.trace(t, append(c.args, "loop.py")...)
			if n := strings.Count(got.stdout, `{"breakpoint": "`); n != c.want || got.code != 0 || !strings.Contains(got.stderr, c.stderr) {
				t.Errorf("%d snapshots, want %d; exit code %d; standard error:\n%s", n, c.want, got.code, got.stderr)
			}
		})
	}
	t.Run("a function that is not there", func(t *testing.T) {
		t.Parallel()
		if got := p.trace(t, "--break-func", "remove", "loop.py"); got.code != 2 || !strings.Contains(got.stderr, `no function matching "remove"`) {
			t.Errorf("%+v", got)
		}
	})
}
