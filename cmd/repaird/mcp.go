package main

import (
	"context"
	"errors"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/trace/agent"
)

const mcpHelp = `repaird mcp [flags]

Serves the tracer to coding agents over the Model Context Protocol, on standard
input and output: the tools trace, findings, tree, snapshot, slice and diff. For
a client that is configured with JSON:

  {"mcpServers": {"repaird": {"command": "repaird", "args": ["mcp", "--dir", "/src/shop"]}}}

The tool trace runs commands as you, in --dir or below; --sandbox runs them in a
sandbox without network, on a copy of the project. What agents read is redacted
unless --raw is given. Traces are removed when the client leaves. An agent
learns the workflow from deploy/skill/SKILL.md.`

// serveMCP serves an agent until it leaves.
func serveMCP(ctx context.Context, args []string) error {
	fs := flags("mcp", mcpHelp)
	o := agent.Options{Version: buildVersion()}
	fs.StringVar(&o.Dir, "dir", ".", "working directory: commands run there or below, files are read there")
	fs.DurationVar(&o.Timeout, "timeout", 2*time.Minute, "longest run of a command")
	fs.DurationVar(&o.Answer, "answer-timeout", time.Minute, "longest time that a tool may take; the command of the tool trace has --timeout besides")
	fs.BoolVar(&o.Raw, "raw", false, "do not redact what the agent reads")
	sandboxed := fs.Bool("sandbox", false, "run commands in a sandbox (bubblewrap)")
	image := fs.String("docker", "", "run commands in a container of this `image`")
	state := fs.String("state", config.DefaultStateDir(), "directory of the sandboxes' base systems")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	if *sandboxed || *image != "" {
		m := app.Machine{StateDir: *state, Backend: "bwrap", Logger: logger("warn")}
		if *image != "" {
			m.Backend, m.Image = "docker", *image
		}
		var err error
		if o.Sandbox, _, err = m.Sandbox(ctx); err != nil {
			return err
		}
		o.Image = *image
	}
	server, err := agent.New(o)
	if err != nil {
		return err
	}
	return errors.Join(server.Serve(ctx, &mcp.StdioTransport{}), server.Close())
}
