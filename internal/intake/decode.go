package intake

import (
	"bytes"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/otlp"
	"github.com/repaird/repaird/internal/intake/sentry"
)

// Decode reads a captured request in any supported form: gzip, zlib, zstd,
// brotli or uncompressed; a Sentry event, envelope or webhook body; an OTLP
// traces or logs request, JSON or protobuf; text with a Python traceback. name
// is the file's name, or ""; it only resolves ambiguity. The events have no
// project.
//
// Its error is fault.Invalid, fault.Budget (over 20 MiB, or nested too deeply)
// or fault.NotFound (well-formed, but contains no error). Bundles are not
// events; see package bundle.
func Decode(raw []byte, name string) (events []incident.Event, err error) {
	defer fault.Wrap(&err, "decode event file")
	if len(raw) > defaultBody {
		return nil, tooLarge(defaultBody)
	}
	data, err := unpack(raw, name)
	if err != nil {
		return nil, err
	}
	events, err = decodeBody(data)
	if err == nil && len(events) == 0 {
		err = fault.Errorf(fault.NotFound, "the request contains no error")
	}
	return events, err
}

// unpack decompresses by magic bytes. Brotli has none, so it is tried if the
// bytes are neither text nor protobuf.
func unpack(raw []byte, name string) ([]byte, error) {
	switch {
	case bytes.HasPrefix(raw, []byte{0x1f, 0x8b}):
		return decompress(raw, "gzip", defaultBody, nil)
	case bytes.HasPrefix(raw, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return decompress(raw, "zstd", defaultBody, nil)
	case isText(raw):
		return raw, nil
	case len(raw) > 2 && raw[0] == 0x78 && (int(raw[0])<<8+int(raw[1]))%31 == 0:
		return decompress(raw, "deflate", defaultBody, nil)
	case strings.HasSuffix(name, ".br"):
		return decompress(raw, "br", defaultBody, nil)
	}
	if _, err := protobuf(raw); err == nil {
		return raw, nil
	}
	if data, err := decompress(raw, "br", defaultBody, nil); err == nil {
		return data, nil
	} else if fault.KindOf(err) == fault.Budget {
		return nil, err
	}
	return raw, nil
}

// isText reports whether the bytes may be JSON, an envelope or prose.
func isText(data []byte) bool {
	head := data[:min(len(data), 512)]
	for _, c := range head {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	trimmed := bytes.TrimSpace(head)
	return bytes.HasPrefix(trimmed, []byte("{")) || bytes.Contains(data, []byte("Traceback (most recent call last):\n"))
}

func decodeBody(data []byte) ([]incident.Event, error) {
	if !isText(data) {
		return protobuf(data)
	}
	trimmed := bytes.TrimSpace(data)
	if !bytes.HasPrefix(trimmed, []byte("{")) {
		return pasted(string(data))
	}
	head := trimmed[:min(len(trimmed), 64)]
	switch {
	case bytes.Contains(head, []byte(`"resourceSpans"`)):
		return batch(otlp.Traces(trimmed, otlp.JSON))
	case bytes.Contains(head, []byte(`"resourceLogs"`)):
		return batch(otlp.Logs(trimmed, otlp.JSON))
	}
	e, err := sentry.File(data)
	if err != nil {
		return nil, err
	}
	return []incident.Event{e}, nil
}

// protobuf distinguishes traces from logs by trying both: the first field of
// their records differs in type. Almost any bytes parse as a request with
// unknown fields, so only one with records counts.
func protobuf(data []byte) ([]incident.Event, error) {
	for _, read := range []func([]byte, otlp.Encoding) (*otlp.Batch, error){otlp.Traces, otlp.Logs} {
		if b, err := read(data, otlp.Proto); err == nil && b.Records > 0 {
			return b.Events, nil
		}
	}
	return nil, fault.Errorf(fault.Invalid, "neither text nor an OTLP request")
}

func batch(b *otlp.Batch, err error) ([]incident.Event, error) {
	if err != nil {
		return nil, err
	}
	return b.Events, nil
}

func pasted(text string) ([]incident.Event, error) {
	chain, ok := incident.FindTraceback(text)
	if !ok {
		return nil, fault.Errorf(fault.Invalid, "the text contains no traceback")
	}
	return []incident.Event{{Source: incident.SourceGitHub, Level: "error", Platform: "python", Exceptions: chain}}, nil
}
