package replay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/replay"
	"github.com/repaird/repaird/internal/trace/wire"
)

const shop = `import asyncio
import datetime
import decimal
import enum


class Level(enum.Enum):
    GOLD = 1
    NONE = 2


class Cart:
    def __init__(self, name, level=Level.NONE):
        self.name = name
        self.level = level
        self.items = []

    def add(self, sku, *notes, quantity=1, **more):
        self.items.append((sku, quantity))
        return len(self.items)

    @property
    def total(self):
        return sum(q for _, q in self.items)

    @classmethod
    def of(cls, *skus):
        cart = cls("of")
        for s in skus:
            cart.add(s)
        return cart

    @staticmethod
    def clean(sku):
        return sku.strip()


def fill(target, n):
    for i in range(n):
        target.append(i)


def due(day, amount):
    if amount < 0:
        raise ValueError("amount %s" % amount)
    return day + datetime.timedelta(days=1)


def count(n):
    for i in range(n):
        yield i


async def wait(n):
    await asyncio.sleep(0)
    return n * 2


def open_thing(lock):
    return double(4)


def double(n):
    return n + n
`

const program = `import datetime
import decimal
import threading
import asyncio

import shop

cart = shop.Cart("Ann", shop.Level.GOLD)
cart.add("tea", quantity=2)
cart.add(" cup", "gift", "blue", colour="red")
cart.total
shop.Cart.clean(" x ")
rows = [7]
shop.fill(rows, 2)
shop.due(datetime.date(2024, 1, 2), decimal.Decimal("1.5"))
try:
    shop.due(datetime.date(2024, 1, 2), -1)
except ValueError:
    pass
list(shop.count(3))
asyncio.run(shop.wait(21))
shop.open_thing(threading.Lock())
`

// record traces main.py of a project made of files.
func record(t *testing.T, files map[string]string) (tr *trace.Trace, dir string) {
	t.Helper()
	dir = t.TempDir()
	lib, out := t.TempDir(), t.TempDir()
	if err := tracer.Install(lib); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), text)
	}
	config, err := json.Marshal(tracer.Config{Include: []string{dir}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "main.py")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib, "REPAIRD_TRACE_CONFIG="+string(config), "PYTHONDONTWRITEBYTECODE=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	tr, err = trace.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	return tr, dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// execute runs generated Python and returns what it printed and its exit code.
func execute(t *testing.T, source string, args ...string) (string, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test_generated.py")
	write(t, file, source)
	cmd := exec.CommandContext(t.Context(), "python3", append(args, file)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Dir = filepath.Dir(file)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func generate(t *testing.T, trace *trace.Trace, o replay.Options) (string, replay.Report) {
	t.Helper()
	var b bytes.Buffer
	report, err := replay.Write(&b, trace, o)
	if err != nil {
		t.Fatalf("%v: %+v", err, report)
	}
	return b.String(), report
}

func TestARecordedSequenceIsRepeated(t *testing.T) {
	t.Parallel()
	trace, dir := record(t, map[string]string{"shop.py": shop, "main.py": program})
	source, report := generate(t, trace, replay.Options{Within: []string{dir}})
	out, code := execute(t, source)
	if code != 0 || strings.Contains(out, "differs") {
		t.Fatalf("exit %d\n%s\n%s", code, out, source)
	}
	for _, want := range []string{
		"cart1 = shop.Cart(name='Ann', level=shop.Level.GOLD)\n",
		"same    cart1.total -> 3",
		"cart1.add(' cup', quantity=1, *('gift', 'blue'), **dict2)",
		"same    shop.Cart.clean(sku=' x ') -> 'x'",
		"same    list1 afterwards -> [7, 0, 1]",
		"datetime.date(2024, 1, 3)",
		"-> ValueError: amount -1",
		"-> [0, 1, 2]",
		"asyncio.run(shop.wait(n=21)) -> 42",
		"shop.double(n=4) -> 8",
	} {
		if !strings.Contains(source+out, want) {
			t.Errorf("neither script nor output has %q\n%s\n%s", want, source, out)
		}
	}
	if len(report.Missing) == 0 || !strings.Contains(source, "shop.open_thing") && !strings.Contains(source, "open_thing: lock: a lock") {
		t.Errorf("the value that cannot be rebuilt is not named: %+v\n%s", report.Missing, source[:600])
	}
}

func TestARepeatedCallThatDoesSomethingElseIsSaid(t *testing.T) {
	t.Parallel()
	trace, dir := record(t, map[string]string{"shop.py": shop, "main.py": program})
	source, _ := generate(t, trace, replay.Options{Within: []string{dir}})
	write(t, filepath.Join(dir, "shop.py"), strings.Replace(shop, "return sku.strip()", "return sku.lstrip()", 1))
	out, code := execute(t, source)
	if code != 1 || !strings.Contains(out, "differs shop.Cart.clean(sku=' x ') -> 'x ', recorded 'x'") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestATestIsMadeOfTheRecordedCalls(t *testing.T) {
	t.Parallel()
	trace, dir := record(t, map[string]string{"shop.py": shop, "main.py": program})
	source, _ := generate(t, trace, replay.Options{Pytest: true, Within: []string{dir}})
	for _, want := range []string{"def test_replay():", "assert cart1.total == 3", "with pytest.raises(ValueError) as caught:", "assert str(caught.value) == 'amount -1'"} {
		if !strings.Contains(source, want) {
			t.Errorf("no %q in\n%s", want, source)
		}
	}
	// The file must be Python that passes now and fails with a defect.
	runner := "import sys, types\n" + pytestStandIn + source + "\ntest_replay()\n"
	if out, code := execute(t, runner); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, out, source)
	}
	write(t, filepath.Join(dir, "shop.py"), strings.Replace(shop, "for _, q in", "for q, _ in", 1))
	if out, code := execute(t, runner); code == 0 {
		t.Errorf("the test passes with a defect\n%s", out)
	}
}

// pytestStandIn is the part of pytest that generated tests use, for machines
// whose python3 lacks it.
const pytestStandIn = `
class raises:
    def __init__(self, kind):
        self.kind = kind
    def __enter__(self):
        return self
    def __exit__(self, kind, value, tb):
        self.value = value
        return kind is not None and issubclass(kind, self.kind)
sys.modules["pytest"] = types.ModuleType("pytest")
sys.modules["pytest"].raises = raises
`

func TestOneCallIsRepeated(t *testing.T) {
	t.Parallel()
	trace, dir := record(t, map[string]string{"shop.py": shop, "main.py": program})
	var id int64
	for r := range trace.All() {
		if r.Kind == wire.KindCall && r.Code.Name == "Cart.add" && r.Nth == 2 {
			id = r.Call
		}
	}
	source, report := generate(t, trace, replay.Options{Call: id, Within: []string{dir}})
	if report.Calls != 1 || !strings.Contains(source, "cart1 = object.__new__(shop.Cart)\ncart1.name = 'Ann'\ncart1.level = shop.Level.GOLD\ncart1.items = ") {
		t.Errorf("the object is not put together from its fields:\n%s", source)
	}
	if out, code := execute(t, source); code != 0 || !strings.Contains(out, "-> 2") {
		t.Errorf("exit %d\n%s\n%s", code, out, source)
	}
}

func TestWhatCannotBeRepeatedIsAnErrorThatSaysWhy(t *testing.T) {
	t.Parallel()
	trace, dir := record(t, map[string]string{"main.py": "import threading\ndef f(lock):\n    return 1\nf(threading.Lock())\n"})
	report, err := replay.Write(&bytes.Buffer{}, trace, replay.Options{Within: []string{dir}})
	if !errors.Is(err, replay.ErrNothing) || len(report.Missing) == 0 || !strings.Contains(report.Missing[len(report.Missing)-1].Why, "lock") {
		t.Errorf("got %v %+v", err, report)
	}
	if _, err := replay.Write(&bytes.Buffer{}, trace, replay.Options{Call: 99}); err == nil || !strings.Contains(err.Error(), "no call 99") {
		t.Errorf("a call that is not there: %v", err)
	}
}

func TestTextOfAHostileTraceStaysText(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"a literal that calls":                `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"list","r":"[__import__('os').getpid()]","lit":1}]]}`,
		"an expression with a statement":      `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"d","re":"d.D(1)\nimport os"}]]}`,
		"a class that is an expression":       `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"d","id":1,"new":"d.D)#"}]]}`,
		"a name that is a statement":          `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x=1)\nimport os#","1"]]}`,
		"a call of the standard library":      `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"os","re":"os.system('touch x')"}]]}`,
		"a call through the program's module": `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"m.os.system('touch x')"}]]}`,
		"a literal that runs code":            `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"list(f'{exit()}')"}]]}`,
		"a call of a result":                  `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"[m.system] [0] ('touch x')"}]]}`,
		"a call of a built-in function":       `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"exec('import os')"}]]}`,
		"an object of a foreign class":        `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"d","id":1,"new":"antigravity.D"}]]}`,
		"a name that the program imported":    `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"m.system('touch x')"}]]}`,
		"another name for a function":         `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"m.launch('touch x')"}]]}`,
		"an imported function as a value":     `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"m.system"}]]}`,
		"a module as a value":                 `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"m","re":"[m.os]"}]]}`,
		"a dunder in an expression":           `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x",{"t":"D","m":"d","re":"d.__class__.D(1)"}]]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "m.py"), "import os\nfrom os import system\nlaunch = system\nclass C:\n    pass\ndef f(x):\n    return None\n")
			write(t, filepath.Join(dir, "d.py"), "class D:\n    pass\n")
			stream := `{"k":"meta","v":1,"f":"trace-1","pid":1,"ppid":0,"python":"3.11.2","impl":"cpython","engine":"settrace","argv":[],"cwd":"/","forked":0}
{"k":"code","c":1,"file":"` + dir + `/m.py","name":"f","line":1,"args":["x"],"kind":""}
{"k":"code","c":2,"file":"` + dir + `/d.py","name":"D","line":1,"args":["x"],"kind":""}
` + line + "\n" + `{"k":"ret","i":1,"c":1,"t":1,"l":1,"v":"None"}` + "\n"
			trace, err := trace.Read(strings.NewReader(stream))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			report, err := replay.Write(&b, trace, replay.Options{Within: []string{dir}})
			if err == nil {
				t.Errorf("it was repeated: %+v\n%s", report, b.String())
			}
			for _, m := range report.Missing {
				if strings.Contains(m.Why, "file") {
					t.Errorf("it was not the text that was judged: %+v", m)
				}
			}
		})
	}
}

func TestAScriptsOwnClassesExitsAndNansAreRepeated(t *testing.T) {
	t.Parallel()
	trace, dir := record(t, map[string]string{"main.py": `import sys

class Cart:
    def __init__(self, n):
        self.n = n

    def size(self):
        return self.n

def show(cart):
    return cart.n

def leave(code):
    sys.exit(code)

def ratio(a):
    return float("nan")

if __name__ == "__main__":
    show(Cart(3))
    ratio(1)
    try:
        leave(4)
    except SystemExit:
        pass
`})
	var id int64
	for r := range trace.All() {
		if r.Kind == wire.KindCall && r.Code.Name == "show" {
			id = r.Call
		}
	}
	one, _ := generate(t, trace, replay.Options{Call: id, Within: []string{dir}})
	if out, code := execute(t, one); code != 0 || !strings.Contains(one, "object.__new__(main.Cart)") || !strings.Contains(out, "-> 3") {
		t.Errorf("exit %d\n%s\n%s", code, out, one)
	}
	source, _ := generate(t, trace, replay.Options{Within: []string{dir}})
	if out, code := execute(t, source); code != 0 || !strings.Contains(out, "same    main.leave(code=4) -> SystemExit: 4") {
		t.Errorf("exit %d\n%s\n%s", code, out, source)
	}
	test, _ := generate(t, trace, replay.Options{Pytest: true, Within: []string{dir}})
	if out, code := execute(t, "import sys, types\n"+pytestStandIn+test+"\ntest_replay()\n"); code != 0 || !strings.Contains(test, "assert repr(main.ratio(a=1)) == repr(") {
		t.Errorf("exit %d\n%s\n%s", code, out, test)
	}
}
