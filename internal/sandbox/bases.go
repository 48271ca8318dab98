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

// A Base is a root file system for sandboxes, built by deploy/setup.sh.
type Base struct {
	Release string `json:"release"` // of the distribution, such as bookworm
	Python  string `json:"python"`  // minor version of its Python, such as 3.11
	Docker  string `json:"docker"`  // Docker image, such as repaird/base:bookworm-0123456789ab
	Rootfs  string `json:"rootfs"`  // host directory with the same content
}

// LoadBases reads bases.json in the state directory. The first base is the
// default. Its error is fault.NotFound if deploy/setup.sh has not run.
func LoadBases(stateDir string) ([]Base, error) {
	name := filepath.Join(stateDir, "bases.json")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "base systems are missing: %s does not exist; run deploy/setup.sh", name)
	}
	if err != nil {
		return nil, fmt.Errorf("load bases: %w", err)
	}
	var bases []Base
	if err := json.Unmarshal(data, &bases); err != nil {
		return nil, fault.Errorf(fault.Invalid, "load bases: %s: %w", name, err)
	}
	for _, b := range bases {
		if _, ok := Minor(b.Python); !ok || !filepath.IsAbs(b.Rootfs) || b.Docker == "" {
			return nil, fault.Errorf(fault.Invalid, "load bases: %s: incomplete entry %+v", name, b)
		}
	}
	if len(bases) == 0 {
		return nil, fault.Errorf(fault.NotFound, "base systems are missing: %s is empty; run deploy/setup.sh", name)
	}
	return bases, nil
}

var pythonVersion = regexp.MustCompile(`^3\.(\d{1,3})(\D|$)`)

// Minor returns the minor version of a Python 3 version: 11 of "3.11.4".
func Minor(version string) (int, bool) {
	m := pythonVersion.FindStringSubmatch(version)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// SelectBase returns the base for a Python version such as "3.11.4": the one with
// the same minor version, else the nearest newer one, else the nearest older one.
// For a version that does not parse it returns the first. The string says which
// base was selected, and why.
func SelectBase(bases []Base, python string) (Base, string, error) {
	if len(bases) == 0 {
		return Base{}, "", fault.Errorf(fault.NotFound, "base systems are missing; run deploy/setup.sh")
	}
	want, ok := Minor(python)
	if !ok {
		return bases[0], fmt.Sprintf("%s (Python %s), the default: the event has no Python 3 version", bases[0].Release, bases[0].Python), nil
	}
	best, bestDistance := bases[0], int(^uint(0)>>1)
	for _, b := range bases {
		have, ok := Minor(b.Python)
		if !ok {
			continue
		}
		distance := have - want
		if distance < 0 {
			distance = 1000 - distance // prefer any newer version to any older one
		}
		if distance < bestDistance {
			best, bestDistance = b, distance
		}
	}
	why := "the same minor version"
	switch {
	case bestDistance > 1000:
		why = "the nearest older version, as no base has this version or a newer one"
	case bestDistance > 0:
		why = "the nearest newer version"
	}
	return best, fmt.Sprintf("%s (Python %s) for Python 3.%d: %s", best.Release, best.Python, want, why), nil
}

// NewestBase returns the base with the newest Python. There must be one.
func NewestBase(bases []Base) Base {
	best := bases[0]
	for _, b := range bases {
		have, _ := Minor(b.Python)
		if most, _ := Minor(best.Python); have > most {
			best = b
		}
	}
	return best
}

// FindBase returns the base for a Spec.Image, which is a Docker reference, a
// release, a root file system, or "" for the first base.
func FindBase(bases []Base, image string) (Base, bool) {
	for _, b := range bases {
		if image == "" || image == b.Docker || image == b.Release || image == b.Rootfs {
			return b, true
		}
	}
	return Base{}, false
}
