package intake

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/fault"
)

// Bounds of decompression. The most compressed honest body seen so far is a
// recursion of 1,000 frames, 72 to 1.
const (
	defaultBody  = 20 << 20
	defaultEvent = 1 << 20
	maxRatio     = 250
	ratioFrom    = 1 << 20 // bytes of output from which the ratio counts
	maxWindow    = 8 << 20
)

// decompress undoes one content encoding. It stops at limit bytes of output
// and where the output outgrows its input by maxRatio, both fault.Budget; what
// does not decode is fault.Invalid, and so is an unknown encoding. Memory for
// the output is taken from mem, which may be nil.
func decompress(raw []byte, encoding string, limit int, mem *lease) ([]byte, error) {
	var r io.Reader
	var err error
	in := bytes.NewReader(raw)
	switch encoding {
	case "", "identity":
		if len(raw) > limit {
			return nil, tooLarge(limit)
		}
		return raw, nil
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(in)
	case "deflate", "zlib":
		r, err = zlib.NewReader(in)
	case "br":
		r = brotli.NewReader(in)
	case "zstd":
		var d *zstd.Decoder
		d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err == nil {
			defer d.Close()
			r = d
		}
	default:
		return nil, errEncoding
	}
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "body is not %s: %w", encoding, err)
	}
	out, err := io.ReadAll(&ratioReader{r: io.LimitReader(r, int64(limit)+1), in: len(raw), mem: mem})
	switch {
	case errors.Is(err, errRatio), errors.Is(err, errMemory):
		return nil, err
	case err != nil:
		return nil, fault.Errorf(fault.Invalid, "body is not %s: %w", encoding, err)
	case len(out) > limit:
		return nil, tooLarge(limit)
	}
	return out, nil
}

var (
	errEncoding = fault.Errorf(fault.Invalid, "unsupported content encoding")
	errRatio    = fault.Errorf(fault.Budget, "body grows more than %d-fold when it is decompressed", maxRatio)
)

func tooLarge(limit int) error {
	return fault.Errorf(fault.Budget, "body of more than %d bytes", limit)
}

// A ratioReader fails once it has given out too much for its input.
type ratioReader struct {
	r       io.Reader
	in, out int
	mem     *lease
}

func (r *ratioReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.out += n
	if r.out > ratioFrom && r.out/maxRatio > r.in {
		return n, errRatio
	}
	if n > 0 {
		if err := r.mem.take(n); err != nil {
			return n, err
		}
	}
	return n, err
}
