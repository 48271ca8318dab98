package run

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// lookPath finds a program as a shell in dir with that environment would.
func lookPath(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		path := inDir(dir, name)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return "", fmt.Errorf("%s: %w", name, os.ErrNotExist)
		case info.IsDir() || info.Mode()&0o111 == 0:
			return "", fmt.Errorf("%s: %w", name, os.ErrPermission)
		}
		return path, nil
	}
	for _, d := range filepath.SplitList(getenv(env, "PATH")) {
		path := filepath.Join(inDir(dir, d), name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// shebang returns the first line of a script after the #!, or "".
func shebang(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 512).ReadSlice('\n')
	text, ok := strings.CutPrefix(string(line), "#!")
	if !ok {
		return ""
	}
	return strings.TrimSpace(text)
}

// programOf returns the program of a shebang line, also behind env.
func programOf(line string) string {
	f := strings.Fields(line)
	if len(f) > 1 && filepath.Base(f[0]) == "env" {
		f = f[1:]
		for len(f) > 1 && strings.HasPrefix(f[0], "-") {
			f = f[1:]
		}
	}
	if len(f) == 0 {
		return ""
	}
	return f[0]
}

// optionsOf returns the options that a shebang line gives to its program.
func optionsOf(line string) []string {
	program := programOf(line)
	_, rest, _ := strings.Cut(line, program)
	return strings.Fields(rest)
}

func getenv(env []string, name string) string {
	value := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

func inDir(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func below(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
