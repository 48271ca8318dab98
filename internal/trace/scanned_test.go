package trace

import (
	"os"
	"testing"
)

// Scanned only scans a file, and returns the number of events in it.
func Scanned(b *testing.B, file string) int {
	b.Helper()
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	s := splitter{r: f, size: blockSize}
	n, blk := 0, block{}
	for !s.ended {
		blk.text = s.fill(blk.text)
		blk.scan()
		n += len(blk.events)
	}
	return n
}
