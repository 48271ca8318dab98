package program_test

import (
	"testing"

	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

func TestSourceIsReadByTheReadersPythonWhateverTheCodeRunsOn(t *testing.T) {
	t.Parallel()
	bases := sandboxtest.Bases(t)
	if len(bases) < 2 {
		t.Skip("needs base systems of two Pythons")
	}
	sb, tree := sandboxtest.Any(t), sandboxtest.Dir(t)
	for _, code := range bases {
		for _, reader := range bases {
			var got struct{ Python string }
			env := testrun.Environment{Image: code.Docker, Reader: reader.Docker}
			if err := echo.Run(t.Context(), sb, program.Spec{Env: env, Tree: tree}, map[string]string{"say": "version"}, &got); err != nil {
				t.Fatal(err)
			}
			if want := reader.Python; got.Python != want {
				t.Errorf("code on %s, reader %s: read by %v", code.Python, want, got.Python)
			}
			if err := echo.Run(t.Context(), sb, program.Spec{Env: env, Tree: tree, Beside: true}, map[string]string{"say": "version"}, &got); err != nil {
				t.Fatal(err)
			}
			if want := code.Python; got.Python != want {
				t.Errorf("code on %s, reader %s: what works beside the code ran on %v", want, reader.Python, got.Python)
			}
		}
	}
}
