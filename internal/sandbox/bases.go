package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/repaird/repaird/internal/fault"
)

// A Base is a root file system for sandboxes that deploy/setup.sh has built.
type Base struct {
	Release string `json:"release"` // of the distribution, such as bookworm
	Python  string `json:"python"`  // minor version of its Python, such as 3.11
	Docker  string `json:"docker"`  // image in the engine, such as repaird/base:bookworm-0123456789ab
	Rootfs  string `json:"rootfs"`  // host directory with the same content
}

// LoadBases reads bases.json of the state folder. The first base is the default.
// The error is fault.NotFound when the set-up has not run.
func LoadBases(stateDir string) ([]Base, error) {
	name := filepath.Join(stateDir, "bases.json")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "no base systems: %s does not exist; run deploy/setup.sh", name)
	}
	if err != nil {
		return nil, fmt.Errorf("load bases: %w", err)
	}
	var bases []Base
	if err := json.Unmarshal(data, &bases); err != nil {
		return nil, fault.Errorf(fault.Invalid, "load bases: %s: %w", name, err)
	}
	for _, b := range bases {
		if _, ok := minor(b.Python); !ok || !filepath.IsAbs(b.Rootfs) || b.Docker == "" {
			return nil, fault.Errorf(fault.Invalid, "load bases: %s: incomplete entry %+v", name, b)
		}
	}
	if len(bases) == 0 {
		return nil, fault.Errorf(fault.NotFound, "no base systems in %s; run deploy/setup.sh", name)
	}
	return bases, nil
}

var pythonVersion = regexp.MustCompile(`^3\.(\d{1,3})(\D|$)`)

func minor(version string) (int, bool) {
	m := pythonVersion.FindStringSubmatch(version)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// SelectBase returns the base for a Python version such as "3.11.4": that of the
// same minor version, else the nearest newer one, else the nearest; for a version
// that it cannot read, the first. The sentence says which it was, and why.
func SelectBase(bases []Base, python string) (Base, string, error) {
	if len(bases) == 0 {
		return Base{}, "", fault.Errorf(fault.NotFound, "no base systems; run deploy/setup.sh")
	}
	want, ok := minor(python)
	if !ok {
		return bases[0], fmt.Sprintf("%s (Python %s), the default: the event names no version of Python 3", bases[0].Release, bases[0].Python), nil
	}
	best, bestRank := bases[0], int(^uint(0)>>1)
	for _, b := range bases {
		have, ok := minor(b.Python)
		if !ok {
			continue
		}
		rank := have - want
		if rank < 0 {
			rank = 1000 - rank // any newer version is better than any older one
		}
		if rank < bestRank {
			best, bestRank = b, rank
		}
	}
	why := "the same minor version"
	switch {
	case bestRank > 1000:
		why = "the nearest; no base has this version or a newer one"
	case bestRank > 0:
		why = "the nearest newer version"
	}
	return best, fmt.Sprintf("%s (Python %s) for Python 3.%d: %s", best.Release, best.Python, want, why), nil
}

// FindBase returns the base that a Spec.Image names: by its Docker reference, its
// release or its root file system; the first for "".
func FindBase(bases []Base, image string) (Base, bool) {
	for _, b := range bases {
		if image == "" || image == b.Docker || image == b.Release || image == b.Rootfs {
			return b, true
		}
	}
	return Base{}, false
}
