package app

import (
	"context"
	"encoding/json"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge/local"
	"github.com/repaird/repaird/internal/postgres"
)

// A pullStore keeps the local forge's pull requests in the database.
type pullStore struct{ db *postgres.DB }

var _ local.Store = pullStore{}

// Find implements local.Store.
func (s pullStore) Find(ctx context.Context, repository, key string) (*local.Record, error) {
	row, err := s.db.LocalPullRequestByKey(ctx, repository, key)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return record(row, err)
}

// Create implements local.Store.
func (s pullStore) Create(ctx context.Context, r local.Record) (*local.Record, bool, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, false, err
	}
	row, made, err := s.db.PutLocalPullRequest(ctx, r.Repository, r.Key, b)
	stored, err := record(row, err)
	return stored, made, err
}

// Decorate implements local.Store.
func (s pullStore) Decorate(ctx context.Context, repository, key string, check *local.Check, labels []string) error {
	fields := map[string]any{}
	if check != nil {
		fields["check"] = check
	}
	if labels != nil {
		fields["labels"] = labels
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return s.db.MergeLocalPullRequest(ctx, repository, key, b)
}

// AddComment implements local.Store.
func (s pullStore) AddComment(ctx context.Context, c local.Comment) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.db.AddLocalComment(ctx, c.Repository, c.Issue, c.Key, b)
}

func record(row *postgres.PullRequestRow, err error) (*local.Record, error) {
	if err != nil {
		return nil, err
	}
	r := &local.Record{}
	if err := json.Unmarshal(row.Content, r); err != nil {
		return nil, err
	}
	r.Number = row.Number
	return r, nil
}
