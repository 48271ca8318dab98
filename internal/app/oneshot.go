package app

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/llm/recording"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/report"
	"github.com/repaird/repaird/internal/verify"
)

// OneShot repairs one event, or one failing test, without a server or database.
type OneShot struct {
	Repo     string // folder: a git repository, or plain files
	Event    string // file as received, or a bundle; "-" is standard input
	Test     string // instead of Event: node id of a failing test of the repository
	Commit   string // instead of the event's; required if the event names none
	Machine  Machine
	Model    config.Model
	Record   string // file that keeps what is said to the model and by it; "" none
	Replay   string // recording that answers in the model's place; "" none
	Budget   repair.Budget
	Card     repair.CardPolicy
	Setup    language.Setup
	Repeats  int
	Floor    float64
	Command  []string        // that runs the repository's tests; default: its whole suite
	Policy   patch.Policy    // bounds of what is proposed; zero fields default
	Choice   pipeline.Choice // a person's answer to the question that may be asked; a value or an exception holds from the beginning
	By       string          // that person
	Progress func(stage, line string)
}

// maxEventFile limits how much of the event's file is read.
const maxEventFile = 64 << 20

// Run repairs. The case contains everything that was produced, also when the
// error is a *fault.Stop or a failure.
func (o *OneShot) Run(ctx context.Context) (*pipeline.Case, error) {
	if o.Machine.Logger == nil {
		o.Machine.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := o.Case()
	if err != nil {
		return c, err
	}
	stage := "read"
	c.Progress = func(line string) {
		if o.Progress != nil {
			o.Progress(stage, line)
		}
	}
	state, err := o.openState()
	if err != nil {
		return c, err
	}
	defer state.Close()
	source := o.source(c, state)
	c.Progress("probing the sandbox")
	backend, bases, err := o.Machine.Sandbox(ctx)
	if err != nil {
		return c, err
	}
	client, ended, err := o.client()
	if err != nil {
		return c, err
	}
	defer ended()
	proposer, err := proposerVia(client, o.Model, backend)
	if err != nil {
		return c, err
	}
	pl := state.Pipeline(backend, bases, proposer)
	if pl.Reader, err = readerVia(client, o.Model); err != nil {
		return c, err
	}
	if source != nil {
		pl.Source = source
	}
	pl.Repeats, pl.Floor = o.Repeats, o.Floor
	c.Progress("sandbox " + backend.Name() + ", proposer " + proposer.Name())
	if o.Choice.Expect != "" || o.Choice.Raises != "" {
		if err := o.decide(c); err != nil {
			return c, err
		}
	}
	for s, ok := pipeline.Stages[0], true; ok; s, ok = pipeline.StageByName(s.Next()) {
		stage = s.Name
		_, err := pl.Do(ctx, s.Name, c)
		stop := fault.AsStop(err)
		if stop != nil && stop.Type == fault.Undecided && o.Choice.Key != "" && len(c.Decisions) == 0 {
			if err := o.decide(c); err != nil {
				return c, err
			}
			s, _ = pipeline.StageByName(pipeline.Reproduce) // the stage after it is the next
			continue
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// decide adds the person's answer to the case.
func (o *OneShot) decide(c *pipeline.Case) error {
	var q *verify.Question
	if c.Verdict != nil {
		q = c.Verdict.Question
	}
	d, err := pipeline.Decide(q, o.Choice, o.By, time.Now())
	if err != nil {
		return err
	}
	if d.Key != "" && strings.EqualFold(d.Key, o.Choice.Key) { // the letter alone
		for _, option := range q.Options {
			if option.Key == d.Key {
				c.Progress("warning: this run's option " + d.Key + " need not be the one that you read; --decide " + pipeline.Reference(option) + " makes sure that it is this one")
			}
		}
	}
	c.Progress("the answer of " + d.By + ": " + d.String())
	c.Decisions = append(c.Decisions, d)
	return nil
}

// client is how the model is asked: recorded, replayed, or (nil) as usual.
func (o *OneShot) client() (_ *http.Client, end func(), _ error) {
	nothing := func() {}
	switch {
	case o.Replay != "":
		p, err := recording.Open(o.Replay)
		if err != nil {
			return nil, nothing, fmt.Errorf("--replay: %w", err)
		}
		o.Model.BaseURL = "http://replay.invalid" // nothing is sent there, and no key is needed
		if o.Model.API = "chat"; p.Endpoint() == "responses" {
			o.Model.API = "responses"
		}
		return p.Client(), nothing, nil
	case o.Record != "":
		r, err := recording.Create(o.Record, o.Model.Key.String)
		if err != nil {
			return nil, nothing, fmt.Errorf("--record: %w", err)
		}
		return r.Client(nil), func() { _ = r.Close() }, nil
	}
	return nil, nothing, nil
}

// Case reads the event: the case on which a pipeline's stages start. It has a
// run id also when reading fails.
func (o *OneShot) Case() (*pipeline.Case, error) {
	c := &pipeline.Case{Job: pipeline.Job{Run: "run-" + randomHex(8)}}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return c, err
	}
	c.Test = o.Test
	var err error
	if c.Events, err = o.events(); err != nil {
		return c, err
	}
	repo, err := filepath.Abs(o.Repo)
	if err != nil {
		return c, err
	}
	if st, err := os.Stat(repo); err != nil || !st.IsDir() {
		return c, fault.Errorf(fault.Invalid, "--repo %s is not a directory", o.Repo)
	}
	o.Setup.Image = cmp.Or(o.Setup.Image, o.Machine.Image)
	c.Project = pipeline.Project{
		Name: filepath.Base(repo), Repository: "local/" + filepath.Base(repo), URL: repo, RedactKey: key,
		TestCommand: o.Command, Setup: o.Setup, Policy: o.Policy, Budget: o.Budget, Card: o.Card,
	}
	return c, nil
}

// events reads the event. That of a failing test is made when the test has run.
func (o *OneShot) events() ([]incident.Event, error) {
	if o.Test != "" {
		return []incident.Event{{Time: time.Now().UTC()}}, nil
	}
	data, err := readEvent(o.Event)
	if err != nil {
		return nil, err
	}
	return decodeEvent(data, o.Event)
}

// openState opens the state directory without a size limit: it may be a
// daemon's, which has a limit of its own and does the evicting.
func (o *OneShot) openState() (*State, error) {
	m := o.Machine
	m.StoreBytes = 0
	return m.State()
}

// source determines which code is repaired.
func (o *OneShot) source(c *pipeline.Case, state *State) pipeline.Source {
	if _, err := os.Stat(filepath.Join(c.Project.URL, ".git")); err != nil && !isBare(c.Project.URL) {
		c.Progress("the directory is not a git repository: its files are used as they are")
		for i := range c.Events {
			c.Events[i].Commit = "files"
		}
		return &pipeline.Folder{Dir: c.Project.URL, Store: state.Store, Scratch: state.Scratch}
	}
	for i := range c.Events {
		if o.Commit != "" {
			c.Events[i].Commit = o.Commit
		}
	}
	if c.Events[0].Commit == "" && c.Events[0].Release == "" {
		c.Events[0].Commit = "HEAD"
		if o.Test == "" {
			c.Progress("the event does not name a commit: using HEAD (override with --commit)")
		}
	}
	return nil
}

func isBare(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "objects"))
	_, err2 := os.Stat(filepath.Join(dir, "HEAD"))
	return err == nil && err2 == nil
}

func readEvent(name string) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fault.Errorf(fault.NotFound, "--event: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxEventFile+1))
	if err == nil && len(data) > maxEventFile {
		err = fault.Errorf(fault.Budget, "--event %s is larger than %d bytes", name, maxEventFile)
	}
	return data, err
}

// decodeEvent reads a bundle, or anything that intake receives.
func decodeEvent(data []byte, name string) ([]incident.Event, error) {
	plain, err := unpacked(data)
	if err != nil {
		return nil, fmt.Errorf("--event %s: %w", name, err)
	}
	if isBundle(plain) {
		b, err := bundle.Open(plain)
		if err != nil {
			return nil, fmt.Errorf("--event %s: %w", name, err)
		}
		e := b.Event
		e.Commit = b.Code.Commit
		return []incident.Event{e}, nil
	}
	events, err := intake.Decode(data, filepath.Base(name))
	if err != nil {
		return nil, fmt.Errorf("--event %s: %w", name, err)
	}
	if len(events) == 0 {
		return nil, fault.Errorf(fault.Invalid, "--event %s does not contain an error event", name)
	}
	return best(events), nil
}

// isBundle looks for the top-level keys that only a bundle has, in JSON or
// YAML.
func isBundle(data []byte) bool {
	for _, name := range []string{"redaction", "digests", "fingerprint"} {
		if !bytes.Contains(data, []byte(`"`+name+`":`)) && !bytes.Contains(data, []byte(name+":")) {
			return false
		}
	}
	return bytes.HasPrefix(bytes.TrimSpace(data), []byte(`{"code":`)) || bytes.Contains(data, []byte("\nredaction:"))
}

// unpacked decompresses gzip and zstd, within the size limit of a bundle; other
// encodings are left to intake.
func unpacked(data []byte) ([]byte, error) {
	var in io.Reader
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "gzip: %w", err)
		}
		in = z
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxMemory(maxEventFile))
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "zstd: %w", err)
		}
		defer z.Close()
		in = z
	default:
		return data, nil
	}
	plain, err := io.ReadAll(io.LimitReader(in, maxEventFile))
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "it cannot be decompressed: %w", err)
	}
	return plain, nil
}

// best puts the event with the most evidence first.
func best(events []incident.Event) []incident.Event {
	score := func(e *incident.Event) (n int) {
		if x := e.Raised(); x != nil {
			n = 1
			for _, f := range x.Frames {
				if len(f.Locals) > 0 {
					return 3
				}
				n = 2
			}
		}
		return n
	}
	for i := range events {
		if score(&events[i]) > score(&events[0]) {
			events[0], events[i] = events[i], events[0]
		}
	}
	return events
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// WriteOut writes all results of a run to dir.
func WriteOut(dir string, c *pipeline.Case, err error) error {
	_, werr := report.WriteFolder(dir, c.ReportInput(), fault.AsStop(err), c.PullRequest)
	return werr
}
