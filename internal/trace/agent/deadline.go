package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// timed gives a tool Options.Answer, and more, to answer. A tool that takes
// longer, or for which nobody waits any more, has its context cancelled; what does not look at it, such as the
// reading of a large file, goes on without anyone who waits for it, and counts
// among the few that may be at work until it ends.
func timed[In, Out any](s *Server, more time.Duration, tool mcp.ToolHandlerFor[In, Out]) mcp.ToolHandlerFor[In, Out] {
	type answer struct {
		result *mcp.CallToolResult
		out    Out
		err    error
	}
	return func(ctx context.Context, req *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		limit := s.options.Answer + more
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		unhook := context.AfterFunc(s.ended, cancel)
		defer unhook()
		var none Out
		select {
		case s.work <- struct{}{}:
		case <-ctx.Done():
			return nil, none, fmt.Errorf("no answer within %s: %d earlier questions are still worked on; wait for them, and ask for less", limit, maxWork)
		}
		done := make(chan answer, 1)
		go func() {
			defer func() { <-s.work }()
			result, out, err := tool(ctx, req, in)
			done <- answer{result, out, err}
		}()
		select {
		case a := <-done:
			return a.result, a.out, a.err
		case <-ctx.Done():
			return nil, none, fmt.Errorf("no answer within %s: ask for less (limit, depth, functions, call), or record a smaller trace (include, max_records)", limit)
		}
	}
}
