package trace

import (
	"bytes"
	"hash/maphash"
	"unsafe"

	"github.com/repaird/repaird/internal/trace/wire"
)

// Sizes of the store. A piece and a place in it make an offset of 32 bits.
const (
	pieceBits   = 20
	pieceSize   = 1 << pieceBits // more than a line can have
	maxKept     = 256 << 20
	knownBodies = 1 << 13
	knownSize   = 160 // bytes of a body that may come again
)

// A store keeps the bodies of events, equal short ones mostly once. Its bytes
// never change.
type store struct {
	pieces [][]byte
	size   int
	seed   maphash.Seed
	known  [][2]uint32 // offset and size of bodies by their hash
}

// add keeps a copy of a body; false when there is no room.
func (s *store) add(b []byte) (off uint32, ok bool) {
	if len(b) > knownSize {
		return s.copy(b)
	}
	if s.known == nil {
		s.seed, s.known = maphash.MakeSeed(), make([][2]uint32, knownBodies)
	}
	k := &s.known[maphash.Bytes(s.seed, b)%knownBodies]
	if int(k[1]) == len(b) && bytes.Equal(s.bytes(k[0], k[1]), b) {
		return k[0], true
	}
	if off, ok = s.copy(b); ok {
		*k = [2]uint32{off, uint32(len(b))}
	}
	return off, ok
}

func (s *store) copy(b []byte) (off uint32, ok bool) {
	last := len(s.pieces) - 1
	if last < 0 || cap(s.pieces[last])-len(s.pieces[last]) < len(b) {
		if s.size+len(b) > maxKept || last+2 >= 1<<(32-pieceBits) {
			return 0, false
		}
		s.pieces = append(s.pieces, make([]byte, 0, max(len(b), min(pieceSize, max(2*s.size, 4<<10)))))
		last++
	}
	piece := s.pieces[last]
	off = uint32(last)<<pieceBits | uint32(len(piece))
	s.pieces[last] = append(piece, b...)
	s.size += len(b)
	return off, true
}

func (s *store) bytes(off, size uint32) []byte {
	at := off & (pieceSize - 1)
	return s.pieces[off>>pieceBits][at : at+size]
}

// body returns what add kept.
func (s *store) body(off, size uint32) wire.Body {
	if size == 0 {
		return ""
	}
	b := s.bytes(off, size)
	return wire.Body(unsafe.String(&b[0], len(b))) //nolint:gosec // what the store keeps never changes
}
