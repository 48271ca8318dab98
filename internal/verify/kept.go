package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/language"
)

// maxKept limits the bases whose results are kept for quick verifications.
const maxKept = 8

// keptBase is what verifications learned about one base tree and test. Of
// concurrent verifications, one runs it and the others wait.
type keptBase struct {
	key      string
	mu       sync.Mutex
	runs     *baseRuns
	near     *language.Neighbourhood
	suiteRun *baseSuite
	order    string // of its tests
	searched bool   // whether then is known
	then     *history.Past
	written  *baseDocuments
	linted   map[string][]language.Check // by the files that were checked
}

func (k *keptBase) test(run func() (*baseRuns, error)) (*baseRuns, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.runs != nil {
		return k.runs, nil
	}
	runs, err := run()
	if err == nil {
		k.runs = runs
	}
	return runs, err
}

func (k *keptBase) neighbours(choose func() (*language.Neighbourhood, error)) (*language.Neighbourhood, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.near != nil {
		return k.near, nil
	}
	near, err := choose()
	if err == nil {
		k.near = near
	}
	return near, err
}

func (k *keptBase) documents(read func() (*baseDocuments, error)) (*baseDocuments, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.written != nil {
		return k.written, nil
	}
	written, err := read()
	if err == nil {
		k.written = written
	}
	return written, err
}

func (k *keptBase) past(find func() (*history.Past, error)) (*history.Past, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.searched {
		return k.then, nil
	}
	then, err := find()
	if err == nil {
		k.then, k.searched = then, true
	}
	return then, err
}

// suite returns the suite's runs. Where they ended early, they are those of one
// order of the tests only.
func (k *keptBase) suite(order string, run func() (*baseSuite, error)) (*baseSuite, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.suiteRun != nil && (!k.suiteRun.cut || k.order == order) {
		return k.suiteRun, nil
	}
	suite, err := run()
	if err == nil {
		k.suiteRun, k.order = suite, order
	}
	return suite, err
}

// kept returns what is known about the input's base, possibly nothing yet.
func (v *Verifier) kept(in Input) *keptBase {
	key := baseKey(in)
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, k := range v.bases {
		if k.key == key {
			v.bases = append(append(v.bases[:i:i], v.bases[i+1:]...), k)
			return k
		}
	}
	k := &keptBase{key: key}
	v.bases = append(v.bases, k)
	if len(v.bases) > maxKept {
		v.bases = v.bases[len(v.bases)-maxKept:]
	}
	return k
}

// baseKey digests everything that a base's runs depend on. A named tree does
// not change. Of any other, the names, sizes, modes and modification times of
// its files count, not their content.
func baseKey(in Input) string {
	h := sha256.New()
	tree := cmp.Or(in.TreeID, in.Tree)
	fmt.Fprintf(h, "%q %q %q %q %q %+v %q %+v\n", tree, in.Test.Path, in.Test.Name, in.Test.Source, in.Env.Digest, in.Env, in.Suite, in.Signature)
	if in.TreeID != "" {
		return hex.EncodeToString(h.Sum(nil))
	}
	_ = filepath.WalkDir(in.Tree, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintln(h, err)
			return nil
		}
		if info, err := d.Info(); err == nil {
			size := info.Size()
			if d.IsDir() {
				size = 0
			}
			fmt.Fprintf(h, "%q %d %s %d\n", name, size, info.Mode(), info.ModTime().UnixNano())
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))
}
