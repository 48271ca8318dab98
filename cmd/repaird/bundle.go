package main

import (
	"context"
	"fmt"
	"os"

	"github.com/repaird/repaird/internal/bundle"
)

const bundleHelp = `repaird bundle [--json] FILE

Verify an evidence bundle (JSON or YAML): schema, digests and content address.
Print it as YAML for people or, with --json, as canonical bytes. Exit with 1 if
it does not verify.`

func bundles(_ context.Context, args []string) error {
	fs := flags("bundle", bundleHelp)
	asJSON := fs.Bool("json", false, "print canonical JSON")
	if err := parse(fs, args, 1); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return usageError(fs, "exactly one FILE is required")
	}
	data, err := os.ReadFile(fs.Arg(0))
	if err != nil {
		return err
	}
	b, err := bundle.Open(data)
	if err != nil {
		return err
	}
	if *asJSON {
		_, err = os.Stdout.Write(b.JSON())
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s", b.YAML())
	return err
}
