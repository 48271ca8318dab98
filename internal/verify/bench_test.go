package verify

import (
	"testing"

	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// A full verdict, N = 5 and the suite included, without and with what an earlier
// one left, and a quick verification of one more candidate on a known base.
func BenchmarkVerdict(b *testing.B) {
	for _, backend := range sandboxtest.Backends() {
		v := newVerifier(sandboxtest.Backend(b, backend))
		in := ranking.input(shop(b), "shop/ranking.py", "return kth(above, k)", fix)
		in.Repeats = 5
		quick := in
		quick.Quick = true
		b.Run(backend+"/full", func(b *testing.B) {
			for b.Loop() {
				judgeOne(b, newVerifier(sandboxtest.Backend(b, backend)), in)
			}
		})
		judgeOne(b, v, in)
		b.Run(backend+"/full-known-base", func(b *testing.B) { judgeAll(b, v, in) })
		judgeOne(b, v, quick)
		b.Run(backend+"/quick", func(b *testing.B) { judgeAll(b, v, quick) })
		wrong := ranking.input(in.Tree, "shop/ranking.py", "return kth(above, k)", "return kth(above, k + 1)")
		wrong.Quick = true
		b.Run(backend+"/quick-wrong", func(b *testing.B) {
			for b.Loop() {
				if verdict, err := v.Judge(b.Context(), wrong); err != nil || verdict.Decision == Accepted {
					b.Fatal(err, verdict)
				}
			}
		})
	}
}

func judgeAll(b *testing.B, v *Verifier, in Input) {
	for b.Loop() {
		judgeOne(b, v, in)
	}
}

func judgeOne(b *testing.B, v *Verifier, in Input) {
	b.Helper()
	verdict, err := v.Judge(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	if verdict.Decision != Accepted {
		b.Fatal(table(verdict))
	}
}
