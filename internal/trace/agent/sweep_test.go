package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestFoldersOfServersThatHaveGoneAreSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, kept := range map[string]bool{
		folderPrefix + strconv.Itoa(os.Getpid()) + "-1": true,
		folderPrefix + "999999999-1":                    false, // over the highest process id
		folderPrefix + "123456":                         false, // an old name
		"other-999999999-1":                             true,
	} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		sweep(dir)
		if _, err := os.Stat(path); (err == nil) != kept {
			t.Errorf("%s: kept %v", name, err == nil)
		}
	}
}
