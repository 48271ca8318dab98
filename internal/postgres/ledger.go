package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// An Entry is one line of a run's ledger. Its hash covers the entry before it,
// so that no line can be changed, removed or moved unnoticed:
//
//	hash = SHA-256(prev ‖ run ‖ 0 ‖ seq ‖ unix microseconds ‖ kind ‖ 0 ‖ data)
//
// with seq and time as 8 bytes big-endian and data as compact JSON with sorted
// keys. The first entry's prev is 32 zero bytes.
type Entry struct {
	Seq  int
	At   time.Time
	Kind string
	Data json.RawMessage
	Prev []byte
	Hash []byte
}

// AppendLedger adds a line to a run's ledger in tx. The caller holds the run's
// lease, or the row's lock, so that lines do not race.
func AppendLedger(ctx context.Context, tx pgx.Tx, run, kind string, data any) error {
	canonical, err := canonicalJSON(data)
	if err != nil {
		return err
	}
	var seq int
	prev := make([]byte, sha256.Size)
	err = tx.QueryRow(ctx, `select seq, hash from ledger where run_id = $1 order by seq desc limit 1 for update`, run).Scan(&seq, &prev)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Classify(err)
	}
	seq++
	at := time.Now().UTC().Truncate(time.Microsecond)
	_, err = tx.Exec(ctx, `insert into ledger (run_id, seq, at, kind, data, prev, hash) values ($1, $2, $3, $4, $5::text::jsonb, $6, $7)`,
		run, seq, at, kind, string(canonical), prev, entryHash(run, seq, at, kind, canonical, prev))
	return Classify(err)
}

// Ledger returns a run's lines after seq.
func (db *DB) Ledger(ctx context.Context, run string, after int) ([]Entry, error) {
	rows, err := db.Pool.Query(ctx, `select seq, at, kind, data, prev, hash from ledger where run_id = $1 and seq > $2 order by seq`, run, after)
	if err != nil {
		return nil, Classify(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Entry])
	return out, Classify(err)
}

// VerifyLedger checks a whole ledger's chain and returns the hash of its last
// line, which a pull request carries so that truncation is seen too.
func VerifyLedger(run string, entries []Entry) ([]byte, error) {
	prev := make([]byte, sha256.Size)
	for i, e := range entries {
		canonical, err := canonicalJSON(e.Data)
		if err != nil {
			return nil, err
		}
		if e.Seq != i+1 || !bytes.Equal(e.Prev, prev) ||
			!bytes.Equal(e.Hash, entryHash(run, e.Seq, e.At, e.Kind, canonical, prev)) {
			return nil, fmt.Errorf("ledger of %s is broken at line %d", run, i+1)
		}
		prev = e.Hash
	}
	return prev, nil
}

func entryHash(run string, seq int, at time.Time, kind string, data, prev []byte) []byte {
	h := sha256.New()
	h.Write(prev)
	h.Write(append([]byte(run), 0))
	var n [16]byte
	binary.BigEndian.PutUint64(n[:8], uint64(seq))
	binary.BigEndian.PutUint64(n[8:], uint64(at.UnixMicro()))
	h.Write(n[:])
	h.Write(append([]byte(kind), 0))
	h.Write(data)
	return h.Sum(nil)
}

// canonicalJSON gives the same bytes before and after a round trip through a
// jsonb column: keys sorted, numbers as written.
func canonicalJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if b, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	return []byte(withoutNUL(string(b))), nil
}
