package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

func version(_ context.Context, args []string) error {
	if err := parse(flags("version", "repaird version\n\nPrint the version, commit and Go version."), args, 0); err != nil {
		return err
	}
	fmt.Println("repaird", buildVersion())
	return nil
}

// buildVersion returns the module version, commit and Go version of the build.
func buildVersion() string {
	v, rev := "development", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			v = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				rev = " " + s.Value[:min(12, len(s.Value))]
			}
		}
		v += rev + " " + info.GoVersion
	}
	return v
}
