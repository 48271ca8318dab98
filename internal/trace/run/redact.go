package run

import "github.com/repaird/repaird/internal/redact"

func redactDir(string, *redact.Redactor) error { return nil }
