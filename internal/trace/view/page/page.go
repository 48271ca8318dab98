// Package page writes one HTML file that shows traces in a browser and needs
// nothing else.
package page

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/repaird/repaird/internal/trace"
)

//go:embed *.js page.css page.html
var pageFiles embed.FS

// scripts are put together in this order.
var scripts = []string{"data.js", "text.js", "list.js", "tree.js", "compare.js", "source.js", "detail.js", "panels.js", "main.js"}

// Options say what is on a page.
type Options struct {
	Title  string              // "" for the first trace's command
	Red    *trace.Trace        // the trace
	Green  *trace.Trace        // another to compare it with, such as the passing run; may be nil
	Source func(string) []byte // source of a file as the traces name it, nil where it is not to be had; may be nil
}

// Write writes one HTML file that shows traces in a browser and needs nothing
// else: call tree with search, values, sources, exceptions, findings and, of
// two traces, both side by side with their first difference. Its policy allows
// no other script than its own, and no request.
func Write(w io.Writer, o Options) error {
	data := makePage(o)
	script, err := readAll(scripts)
	if err != nil {
		return err
	}
	style, err := readAll([]string{"page.css"})
	if err != nil {
		return err
	}
	body, err := readAll([]string{"page.html"})
	if err != nil {
		return err
	}
	script = "(() => {\n'use strict';\n" + script + "})();\n"
	b := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(b, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '%s'; style-src '%s'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>%s</title>
<style>%s</style>
</head>
%s<script type="application/json" id="data">`, digest(script), digest(style), html.EscapeString(data.Title), style, body)
	// encoding/json writes <, > and & as escapes, so no value can end the block.
	if err := json.NewEncoder(b).Encode(data); err != nil {
		return err
	}
	fmt.Fprintf(b, "</script>\n<script>%s</script>\n</html>\n", script)
	return b.Flush()
}

func readAll(names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		text, err := pageFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	return b.String(), nil
}

// digest is how a policy names an inline script or style.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
