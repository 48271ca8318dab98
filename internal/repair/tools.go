package repair

import (
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/wire"
)

// The tools of a model.
const (
	toolList    = "list_files"
	toolRead    = "read_file"
	toolSearch  = "search_code"
	toolRun     = "run_test"
	toolTrace   = "query_trace"
	toolPropose = "propose_patch"
	toolGiveUp  = "give_up"
)

const (
	maxInput     = 64 << 10  // bytes of a tool's input
	maxResult    = 16 << 10  // bytes of a tool's result
	maxReasoning = 256 << 10 // bytes of a turn's reasoning
	maxFeedback  = 6 << 10
	maxListed    = 400 // files
)

//go:embed schemas/*.json
var schemaFiles embed.FS

// A tool is one function that the model may call.
type tool struct {
	llm.Tool
	schema *jsonschema.Resolved
}

var descriptions = map[string]string{
	toolList:    "Lists the repository's files, all of them or those below a folder.",
	toolRead:    "Reads a text file of the repository, or a range of its lines.",
	toolSearch:  "Searches the repository's files for a regular expression (RE2), line by line.",
	toolRun:     "Runs tests in a sandbox and returns what they print: a test file that you write, parts of the repository's own tests, or the incident's test if neither is given; on the unpatched code, or with edits applied. It is not one of your attempts.",
	toolTrace:   "Queries the trace of the failing run (red), or after a rejection that of the run with the rejected patch (green), for calls, returns, exceptions and their values.",
	toolPropose: "Proposes a patch and has it verified. Give the root cause in why, in one or two sentences for a reviewer.",
	toolGiveUp:  "Gives up without a patch.",
}

// toolset loads the tools from their schema files; run_test only where tests can be run.
func toolset(runs, traced bool) (map[string]tool, []llm.Tool, error) {
	byName := map[string]tool{}
	var list []llm.Tool
	for _, name := range []string{toolList, toolRead, toolSearch, toolTrace, toolRun, toolPropose, toolGiveUp} {
		if name == toolRun && !runs || name == toolTrace && !traced {
			continue
		}
		t, err := loadTool(name, descriptions[name])
		if err != nil {
			return nil, nil, err
		}
		byName[name] = t
		list = append(list, t.Tool)
	}
	return byName, list, nil
}

// loadTool loads one tool from its schema file.
func loadTool(name, description string) (tool, error) {
	data, err := schemaFiles.ReadFile("schemas/" + name + ".json")
	if err != nil {
		return tool{}, err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(data, &s); err != nil {
		return tool{}, fmt.Errorf("schema of %s: %w", name, err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		return tool{}, fmt.Errorf("schema of %s: %w", name, err)
	}
	return tool{llm.Tool{Name: name, Description: description, Schema: data}, resolved}, nil
}

// decode validates an untrusted input against the tool's schema and decodes it.
func (t tool) decode(input json.RawMessage, into any) error {
	if len(input) > maxInput {
		return fault.Errorf(fault.Invalid, "the input has more than %d bytes", maxInput)
	}
	var value any
	if err := json.Unmarshal(input, &value); err != nil {
		return fault.Errorf(fault.Invalid, "the input is not valid JSON")
	}
	if err := t.schema.Validate(value); err != nil {
		return fault.Errorf(fault.Invalid, "the input does not match the tool's schema: %w", err)
	}
	return json.Unmarshal(input, into)
}

// The inputs of the tools.
type (
	listInput struct {
		Under string `json:"under"`
	}
	readInput struct {
		Path  string `json:"path"`
		First int    `json:"first_line"`
		Last  int    `json:"last_line"`
	}
	searchInput struct {
		Pattern string `json:"pattern"`
		Under   string `json:"under"`
	}
	traceInput struct {
		Run      string `json:"run"`
		Function string `json:"function"`
		File     string `json:"file"`
		Text     string `json:"text"`
		CallID   int64  `json:"call_id"`
		Around   int    `json:"around"`
		Kind     string `json:"kind"`
		Limit    int    `json:"limit"`
	}
	runInput struct {
		Source string       `json:"source"`
		Suite  []string     `json:"suite"`
		Edits  []patch.Edit `json:"edits"`
	}
	proposeInput struct {
		Edits []patch.Edit `json:"edits"`
		Why   string       `json:"why"`
	}
	giveUpInput struct {
		Reason string `json:"reason"`
	}
)

// reply is a tool's result.
type reply struct {
	text   redact.Clean
	failed bool
}

func (s *session) refuse(err error) reply {
	s.errors++
	return reply{s.clean.text(err.Error(), 1000), true}
}

func (s *session) listFiles(in listInput) reply {
	under, err := folder(in.Under)
	if err != nil {
		return s.refuse(err)
	}
	names := s.tree.list(under, maxListed+1)
	if len(names) == 0 {
		return reply{text: redact.Constant("no files")}
	}
	more := redact.Clean{}
	if len(names) > maxListed {
		names, more = names[:maxListed], redact.Constant("\nThere are more; name a folder.")
	}
	return reply{text: redact.Concat(quoted(redact.Constant("repository"), s.clean.code(strings.Join(names, "\n"), maxResult)), more)}
}

func (s *session) readFile(in readInput) reply {
	text, err := s.tree.read(in.Path)
	if err != nil {
		return s.refuse(err)
	}
	lines := strings.Split(text, "\n")
	first := max(in.First, 1)
	last := len(lines)
	if in.Last > 0 {
		last = min(in.Last, last)
	}
	last = min(last, first+maxReadLines-1)
	if first > last {
		return s.refuse(fault.Errorf(fault.Invalid, "the file has %d lines", len(lines)))
	}
	body := s.clean.code(strings.Join(lines[first-1:last], "\n"), maxResult)
	head := redact.Concat(redact.Constant("lines "), redact.Number(first), redact.Constant(" to "), redact.Number(last),
		redact.Constant(" of "), redact.Number(len(lines)), redact.Constant("\n"))
	return reply{text: redact.Concat(head, quoted(s.clean.code(in.Path, 300), body))}
}

func (s *session) searchCode(in searchInput) reply {
	re, err := regexp.Compile(in.Pattern)
	if err != nil {
		return s.refuse(fault.Errorf(fault.Invalid, "the pattern is not a regular expression: %w", err))
	}
	lines, more, err := s.tree.search(re, in.Under)
	if err != nil {
		return s.refuse(err)
	}
	if len(lines) == 0 {
		return reply{text: redact.Constant("nothing found")}
	}
	text := quoted(redact.Constant("repository"), s.clean.code(strings.Join(lines, "\n"), maxResult))
	if more {
		text = redact.Concat(text, redact.Constant("\nThere is more; narrow the query."))
	}
	return reply{text: text}
}

func (s *session) queryTrace(in traceInput) reply {
	t := s.trace
	if in.Run == "green" {
		if t = s.green; t == nil {
			return s.refuse(fault.Errorf(fault.NotFound, "no rejected patch of yours has been traced"))
		}
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	records := card.Select(t, card.Query{Function: in.Function, File: in.File, Text: in.Text, CallID: in.CallID,
		Around: in.Around, Kind: wire.Kind(in.Kind), Limit: in.Limit})
	if len(records) == 0 {
		return reply{text: redact.Constant("no record matches")}
	}
	return reply{text: quoted(redact.Constant("trace"), s.clean.text(card.Format(records, treeRoot, maxResult/2), maxResult))}
}
