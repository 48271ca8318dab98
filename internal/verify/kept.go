package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

// What is kept, at most: bases, and of each the answers of so many heads.
const (
	maxKept  = 8
	maxHeads = 4
)

// keptBase is what verifications learned about one base tree and test, and what
// heads of it answered.
type keptBase struct {
	key     string
	runs    kept[*baseRuns]
	near    kept[*language.Neighbourhood]
	suite   kept[*baseSuite]
	then    kept[*history.Past]
	written kept[*baseDocuments]
	linted  kept[map[string][]language.Check] // by the files that were checked
	mu      sync.Mutex
	heads   []*keptHead // the latest last
}

// kept is a result that the first who needs it computes. Of concurrent
// verifications, the others wait.
type kept[T any] struct {
	mu    sync.Mutex
	known bool
	value T
}

// get returns the result if it is known and good enough (nil: whatever it is),
// and computes it otherwise.
func (k *kept[T]) get(enough func(T) bool, compute func() (T, error)) (T, error) {
	return k.update(func(earlier T, known bool) (T, error) {
		if known && (enough == nil || enough(earlier)) {
			return earlier, nil
		}
		return compute()
	})
}

// update replaces the result by what is computed from the earlier one.
func (k *kept[T]) update(compute func(earlier T, known bool) (T, error)) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	value, err := compute(k.value, k.known)
	if err == nil {
		k.value, k.known = value, true
	}
	return value, err
}

// keptHead is what a head answered.
type keptHead struct {
	key     string // of its overlay
	answers kept[[]language.Answer]
}

func (k *keptBase) head(overlay patch.Overlay) *keptHead {
	h := sha256.New()
	for _, path := range sorted(overlay) {
		fmt.Fprintf(h, "%q %t %q\n", path, overlay[path] == nil, overlay[path])
	}
	key := hex.EncodeToString(h.Sum(nil))
	k.mu.Lock()
	defer k.mu.Unlock()
	return latest(&k.heads, maxHeads, func(h *keptHead) bool { return h.key == key }, &keptHead{key: key})
}

// latest moves the element that is meant, or else a new one, to the end of a
// list of at most n.
func latest[T any](list *[]T, n int, meant func(T) bool, fresh T) T {
	if i := slices.IndexFunc(*list, meant); i >= 0 {
		fresh = (*list)[i]
		*list = slices.Delete(*list, i, i+1)
	}
	*list = append(*list, fresh)
	*list = (*list)[max(0, len(*list)-n):]
	return fresh
}

// kept returns what is known about the input's base, possibly nothing yet.
func (v *Verifier) kept(in Input) *keptBase {
	key := baseKey(in)
	v.mu.Lock()
	defer v.mu.Unlock()
	return latest(&v.bases, maxKept, func(k *keptBase) bool { return k.key == key }, &keptBase{key: key})
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
