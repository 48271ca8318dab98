package tracer_test

import (
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// The interpreter wraps what an asynchronous generator yields in a type that
// before 3.10 has not even an order of resolution.
func TestAsynchronousGeneratorsYieldWhatTheyYield(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import asyncio

async def numbers():
    yield {"v": 1}
    await asyncio.sleep(0)
    yield None
    yield object

async def main():
    return [n async for n in numbers()]

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
`, tracer.Config{Engine: engine})
		var got []string
		for r := range s.Trace.All() {
			if r.Kind == wire.KindYield && r.Code.Name == "numbers" && r.Line != 5 {
				got = append(got, r.Value().Plain())
			}
		}
		if len(got) != 3 || got[0] != "{'v': 1}" || got[1] != "None" || got[2] != "<type object>" {
			t.Errorf("yielded %q", got)
		}
		if s.Trace.Footer.Faults != 0 {
			t.Errorf("%d faults", s.Trace.Footer.Faults)
		}
	})
}
