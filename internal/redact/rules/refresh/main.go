// Command refresh replaces gitleaks.toml, its licence and VERSION by those of
// another release of gitleaks:
//
//	go run ./internal/redact/rules/refresh v8.31.0
//
// It is run by hand, from the repository's root. It writes nothing where package
// rules refuses the file, and says why.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/repaird/repaird/internal/redact/rules"
)

const (
	module = "github.com/zricethezav/gitleaks/v8"
	folder = "internal/redact/rules"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./"+folder+"/refresh VERSION")
		os.Exit(2)
	}
	if err := refresh(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "refresh:", err)
		os.Exit(1)
	}
}

func refresh(version string) error {
	dir, err := download(version)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "config", "gitleaks.toml"))
	if err != nil {
		return err
	}
	if _, err := rules.Parse(data); err != nil {
		return fmt.Errorf("the rules of %s have changed shape: %w", version, err)
	}
	licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(licence, []byte("MIT License")) {
		return fmt.Errorf("the licence of %s is another", version)
	}
	for name, content := range map[string][]byte{
		"gitleaks.toml": data, "gitleaks.LICENSE": licence, "VERSION": []byte(rules.Provenance(module, version, data)),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// download returns the folder of a release in the module cache.
func download(version string) (dir string, err error) {
	cmd := exec.Command("go", "mod", "download", "-json", module+"@"+version)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if e := json.Unmarshal(out, &answer); e == nil && answer.Error != "" {
		return "", fmt.Errorf("%s", answer.Error)
	}
	if err != nil {
		return "", err
	}
	if answer.Dir == "" {
		return "", fmt.Errorf("go mod download names no folder of %s", version)
	}
	return answer.Dir, nil
}
