package view

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func hello(w io.Writer) error {
	_, err := io.WriteString(w, "hello")
	return err
}

func TestALinkStaysALinkWhenItsFileIsWritten(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]bool{"the file is there": true, "the file is not there yet": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target, link := filepath.Join(dir, "sub", "real"), filepath.Join(dir, "link")
			if err := os.Mkdir(filepath.Dir(target), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("sub/real", link); err != nil {
				t.Fatal(err)
			}
			if there {
				if err := os.WriteFile(target, []byte("before"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := Writable(link); err != nil {
				t.Fatal(err)
			}
			if err := WriteFile(link, hello); err != nil {
				t.Fatal(err)
			}
			if to, err := os.Readlink(link); to != "sub/real" {
				t.Errorf("the link leads to %q: %v", to, err)
			}
			if got, err := os.ReadFile(target); string(got) != "hello" {
				t.Errorf("the file holds %q: %v", got, err)
			}
			for _, d := range []string{dir, filepath.Dir(target)} {
				if left, _ := filepath.Glob(filepath.Join(d, ".*")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}

func TestAPipeBehindALinkIsWrittenTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	if err := Writable(link); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		got, _ := os.ReadFile(pipe)
		read <- string(got)
	}()
	if err := WriteFile(link, hello); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "hello" {
		t.Errorf("the pipe gave %q", got)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe was replaced: %v %v", info, err)
	}
}

func TestWhatCannotBeWrittenIsKnownBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "no", "such"), loop, ""} {
		if err := Writable(name); err == nil {
			t.Errorf("%q seems writable", name)
		}
	}
}
