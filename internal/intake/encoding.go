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

// Decompression limits. The highest ratio seen in a legitimate body is 72 to 1,
// for a recursion of 1,000 frames.
const (
	defaultBody  = 20 << 20
	defaultEvent = 1 << 20
	maxRatio     = 250
	ratioFrom    = 1 << 20 // bytes of output before the ratio applies
	maxWindow    = 8 << 20
)

// decompress decodes one content encoding. More than limit bytes of output, or
// more than maxRatio times the input, is fault.Budget; malformed input or an
// unknown encoding is fault.Invalid. Memory for the output is reserved from mem,
// which may be nil.
func decompress(raw []byte, encoding string, limit int, mem *reservation) ([]byte, error) {
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
	errRatio    = fault.Errorf(fault.Budget, "body expands more than %d-fold when decompressed", maxRatio)
)

func tooLarge(limit int) error {
	return fault.Errorf(fault.Budget, "body exceeds %d bytes", limit)
}

// A ratioReader fails once its output exceeds maxRatio times its input.
type ratioReader struct {
	r       io.Reader
	in, out int
	mem     *reservation
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
