package postgres

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/fault"
)

// Artifacts are compressed here rather than by the server: traces shrink ten
// to twenty times. Both are safe for concurrent use with EncodeAll/DecodeAll.
var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(256<<20), zstd.WithDecoderConcurrency(1))
)

// PutArtifact stores one artifact of a run in tx, replacing an older one.
func PutArtifact(ctx context.Context, tx pgx.Tx, run, name string, content []byte, sum [sha256.Size]byte) error {
	_, err := tx.Exec(ctx, `insert into artifacts (run_id, name, content, sha256) values ($1, $2, $3, $4)
		on conflict (run_id, name) do update set content = excluded.content, sha256 = excluded.sha256, created_at = now()`,
		run, name, encoder.EncodeAll(content, nil), sum[:])
	return Classify(err)
}

// Artifact returns one artifact, its digest checked; fault.NotFound when there is none.
func (db *DB) Artifact(ctx context.Context, run, name string) ([]byte, error) {
	var packed, sum []byte
	err := db.Pool.QueryRow(ctx, `select content, sha256 from artifacts where run_id = $1 and name = $2`, run, name).Scan(&packed, &sum)
	if err != nil {
		return nil, Classify(err)
	}
	return unpack(name, packed, sum)
}

// Artifacts returns all artifacts of a run.
func (db *DB) Artifacts(ctx context.Context, run string) (map[string][]byte, error) {
	rows, err := db.Pool.Query(ctx, `select name, content, sha256 from artifacts where run_id = $1`, run)
	if err != nil {
		return nil, Classify(err)
	}
	out := map[string][]byte{}
	var name string
	var packed, sum []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &packed, &sum}, func() error {
		content, err := unpack(name, packed, sum)
		out[name] = content
		return err
	})
	return out, Classify(err)
}

func unpack(name string, packed, sum []byte) ([]byte, error) {
	content, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("artifact %s: %w", name, err)
	}
	got := sha256.Sum256(content)
	if subtle.ConstantTimeCompare(got[:], sum) != 1 {
		return nil, fault.Errorf(fault.Internal, "artifact %s does not match its digest", name)
	}
	return content, nil
}
