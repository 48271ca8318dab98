package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
)

// deep makes a trace of a recursion of n calls.
func deep(t testing.TB, n int) *trace.Trace {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"k":"meta","v":1,"f":"x","pid":1,"python":"3.13","engine":"monitoring","argv":["deep.py"]}` + "\n" +
		`{"k":"code","c":1,"file":"/w/deep.py","name":"down","line":1,"args":["x"]}` + "\n" + `{"k":"code","c":2,"file":"/w/deep.py","name":"on","line":5,"args":["x"]}` + "\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, `{"k":"call","i":%d,"c":%d,"p":%d,"d":%d,"t":%d,"l":3,"a":[["x","%d"]]}`+"\n", i, 1+i%2, i-1, i-1, i, i)
	}
	for i := n; i > 0; i-- {
		fmt.Fprintf(&b, `{"k":"ret","i":%d,"c":%d,"t":%d,"l":4,"v":"%d"}`+"\n", i, 1+i%2, 2*n-i, i)
	}
	trace, err := trace.Read(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// BenchmarkASliceOfADeepRecursion gives the time of a call, which must not grow
// with the depth.
func BenchmarkASliceOfADeepRecursion(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		trace := deep(b, n)
		for name, q := range map[string]view.Filter{"all": {}, "half": {Functions: []string{"on"}}, "callers": {Functions: []string{"on"}, Callers: true}} {
			b.Run(fmt.Sprintf("%s/depth=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if err := Slice(io.Discard, trace, q); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/call")
			})
		}
	}
}

func TestASliceKeepsWhatValuesAreRebuiltFrom(t *testing.T) {
	t.Parallel()
	tr, err := trace.Read(strings.NewReader(`{"k":"meta","v":1,"f":"x","pid":1,"python":"3.13","engine":"monitoring","argv":["a.py"]}
{"k":"code","c":1,"file":"/w/a.py","name":"f","line":1,"args":["x","y"]}
{"k":"call","i":1,"c":1,"t":1,"a":[["x",{"t":"Cart","m":"shop","id":1,"new":"shop.Cart","f":[["n","1"]]}],["y",{"t":"ndarray","m":"numpy","sh":[2,3],"dt":"int64"}]]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Slice(&b, tr, view.Filter{}); err != nil {
		t.Fatal(err)
	}
	again, err := trace.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(again.Record(1).Args())
	want, _ := json.Marshal(tr.Record(1).Args())
	if args := again.Record(1).Args(); string(got) != string(want) || args[0].Value.New != "shop.Cart" || args[1].Value.DType != "int64" || len(args[1].Value.Shape) != 2 {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestASlicesCallsHangUnderTheNearestCallerThatIsKept(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + rng.IntN(60)
		parents, kept := make([]int, n+1), make([]bool, n+1)
		var b strings.Builder
		b.WriteString(`{"k":"meta","v":1,"f":"x","pid":1,"python":"3.13","engine":"monitoring","argv":["a.py"]}
{"k":"code","c":1,"file":"/w/a.py","name":"no","line":1}
{"k":"code","c":2,"file":"/w/a.py","name":"yes","line":5}
`)
		depths := make([]int, n+1)
		for i := 1; i <= n; i++ {
			code := 1 + rng.IntN(2)
			parents[i], kept[i] = max(i-1-rng.IntN(3), 0), code == 2
			if parents[i] > 0 {
				depths[i] = depths[parents[i]] + 1
			}
			fmt.Fprintf(&b, `{"k":"call","i":%d,"c":%d,"p":%d,"d":%d,"t":%d}`+"\n", i, code, parents[i], depths[i], i)
		}
		tr, err := trace.Read(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Slice(&out, tr, view.Filter{Functions: []string{"yes"}}); err != nil {
			t.Fatal(err)
		}
		again, err := trace.Read(&out)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for r := range again.All() {
			seen++
			id := int(view.Number(r.Call))
			want, depth, skipped := 0, 0, 0
			for p := parents[id]; p > 0; p = parents[p] {
				switch {
				case kept[p]:
					if depth++; want == 0 {
						want = p
					}
				case want == 0:
					skipped++
				}
			}
			if want == 0 {
				skipped = 0
			}
			if int(view.Number(r.Parent)) != want || r.Depth != depth || r.Gap() != skipped {
				t.Fatalf("call %d hangs under %d at depth %d over %d, want %d, %d, %d\n%s", id, view.Number(r.Parent), r.Depth, r.Gap(), want, depth, skipped, b.String())
			}
		}
		for _, k := range kept {
			if k {
				seen--
			}
		}
		if seen != 0 {
			t.Fatalf("%d records more than there should be", seen)
		}
	}
}
