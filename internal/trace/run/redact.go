package run

import (
	"fmt"

	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace/scrub"
)

// redactDir redacts the trace files of a directory in place.
func redactDir(dir string, r *redact.Redactor, result *Result) error {
	dropped, err := scrub.Dir(dir, r)
	if dropped > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%d lines of the trace could not be redacted and were dropped", dropped))
	}
	return err
}
