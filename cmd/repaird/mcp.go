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

Serve the tracer to coding agents over the Model Context Protocol, on standard
input and output: the tools trace, findings, tree, snapshot, slice and diff. A
client's JSON configuration:

  {"mcpServers": {"repaird": {"command": "repaird", "args": ["mcp", "--dir", "/src/shop"]}}}

The trace tool runs commands as you, in --dir or below; --sandbox runs them in a
sandbox without network access, on a copy of the project. Output is redacted
unless --raw is given. Traces are deleted when the client disconnects. The
workflow for agents is in deploy/skill/SKILL.md.`

// serveMCP serves one client until it disconnects.
func serveMCP(ctx context.Context, args []string) error {
	fs := flags("mcp", mcpHelp)
	o := agent.Options{Version: buildVersion()}
	fs.StringVar(&o.Dir, "dir", ".", "working directory: commands run and files are read there or below")
	fs.DurationVar(&o.Timeout, "timeout", 2*time.Minute, "time limit of a command")
	fs.DurationVar(&o.Answer, "answer-timeout", time.Minute, "time limit of a tool call; the trace tool's command has --timeout in addition")
	fs.BoolVar(&o.Raw, "raw", false, "do not redact what the agent reads")
	sandboxed := fs.Bool("sandbox", false, "run commands in a sandbox (bubblewrap)")
	image := fs.String("docker", "", "run commands in a container from this `IMAGE`")
	state := fs.String("state", config.DefaultStateDir(), "state `DIR` with the sandboxes' base systems")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	if *sandboxed || *image != "" {
		m := app.Machine{StateDir: *state, Backend: "bwrap", ProbeAge: probeAge, Logger: logger("warn")}
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
