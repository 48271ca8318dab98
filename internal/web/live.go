package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/text"
)

// A logLine is one ledger entry as the page shows it.
type logLine struct {
	Seq   int    `json:"seq"`
	Time  string `json:"time"`
	Kind  string `json:"kind"`
	Stage string `json:"stage"`
	Text  string `json:"text"`
}

func describe(e postgres.Entry) logLine {
	var d struct {
		Stage, Text, State, Act, Phase, Ref, Error, By, Answer string
		Stop                                                   *fault.Stop
	}
	_ = json.Unmarshal(e.Data, &d)
	line := logLine{Seq: e.Seq, Time: e.At.UTC().Format("15:04:05.0"), Kind: e.Kind, Stage: d.Stage, Text: d.Text}
	switch {
	case e.Kind == "stage" && d.Stop != nil:
		line.Text = "stopped: " + d.Stop.Error()
	case e.Kind == "stage":
		line.Text = "→ " + d.State
		if d.Error != "" {
			line.Text += ": " + d.Error
		}
	case e.Kind == "decision":
		line.Text = "the answer of " + d.By + ": " + d.Answer
	case e.Kind == "act":
		line.Stage, line.Text = pipeline.Propose, d.Act+" "+d.Phase
		if d.Ref != "" {
			line.Text = d.Act + " done: " + d.Ref
		}
	case line.Text == "": // recorded by a proposer: a prompt, tool call or verdict
		line.Stage = pipeline.Repair
		line.Text = e.Kind + ": " + text.Clip(strings.ToValidUTF8(string(e.Data), ""), 160)
	}
	return line
}

// live streams a run's ledger lines as server-sent events, starting after the
// sequence number in ?after= or Last-Event-ID, until the run ends. A "stage"
// event tells the page to reload its content.
func (s *server) live(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "id")
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		after = last
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // a stream outlives the server's write timeout
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	tick := time.NewTicker(s.Poll)
	defer tick.Stop()
	beat := time.Now()
	for {
		run, err := s.DB.Run(r.Context(), id)
		if fault.KindOf(err) == fault.NotFound {
			return
		}
		entries, err2 := s.DB.Ledger(r.Context(), id, after)
		for _, e := range entries {
			line := describe(e)
			data, _ := json.Marshal(line)
			event := "line"
			if e.Kind == "stage" {
				event = "stage"
			}
			if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, event, data); err != nil {
				return
			}
			after = e.Seq
		}
		// The run was read before its ledger, so no more lines can follow.
		if err == nil && err2 == nil && run.Finished != nil {
			fmt.Fprint(w, "event: end\ndata: {}\n\n")
			_ = rc.Flush()
			return
		}
		if len(entries) > 0 || time.Since(beat) > 15*time.Second {
			beat = time.Now()
			fmt.Fprint(w, ": heartbeat\n\n")
		}
		if rc.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// An artifactRow is one line of the page's artifact list.
type artifactRow struct {
	Name string
	Size int
}

func sorted(artifacts map[string][]byte) []artifactRow {
	var out []artifactRow
	for _, name := range slices.Sorted(maps.Keys(artifacts)) {
		out = append(out, artifactRow{name, len(artifacts[name])})
	}
	return out
}
