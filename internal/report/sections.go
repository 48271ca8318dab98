package report

import (
	"math"
	"net/url"
	"strings"

	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/verify"
)

// lead says what broke, how often, and what this page is.
func lead(in Input, q quoter) redact.Clean {
	x, sig := in.Bundle.Event.Raised(), in.Reproduction.Signature
	broke := sig.Type
	if x != nil && x.Message != "" {
		broke += ": " + x.Message
	}
	if t := in.Reproduction.Test; t.Own {
		return redact.Concat(
			redact.Constant("The repository's test "), q.name(t.ID(), maxMessage), redact.Constant(" fails with "), q.span(broke, maxMessage),
			redact.Constant(". repaird found this patch, and verified it by running the test without and with it. No person has reviewed it yet."))
	}
	seen := redact.Constant("seen once")
	if n := in.Bundle.Incident.Count; n > 1 {
		seen = words(redact.Constant("seen"), redact.Number(n), redact.Constant("times"))
	}
	if t := in.Bundle.Incident.FirstSeen; !t.IsZero() {
		seen = words(seen, redact.Constant("since"), q.code(t.UTC().Format("2006-01-02 15:04 UTC"), maxName))
	}
	return redact.Concat(
		redact.Constant("Production raised "), q.span(broke, maxMessage), redact.Constant(" in "), q.name(where(sig.Function, sig.File), maxName),
		redact.Constant(", "), seen,
		redact.Constant(". repaird reproduced the failure as a test, found this patch, and verified it by running the test without and with it. No person has reviewed it yet."))
}

// rootCause quotes the proposer, and says that it is a quotation.
func rootCause(in Input, q quoter) redact.Clean {
	why := q.prose(in.Repair.Why, maxWhy)
	if why.Empty() {
		return why
	}
	return redact.Concat(redact.Constant("**Root cause**, in the words of "), q.name(in.Repair.Proposer, maxName),
		redact.Constant(", which proposed the patch (the verdict does not depend on this text):\n\n> "), why)
}

// divergence is the card in a block, truncated to bytes and, unless 0, lines.
func divergence(in Input, q quoter, most, mostLines int) redact.Clean {
	card := q.text(cardText(in), most)
	if rows := card.Lines(); mostLines > 0 && len(rows) > mostLines {
		card = redact.Concat(redact.Join(redact.Constant("\n"), rows[:mostLines]...), redact.Constant("\n…"))
	}
	return block("text", card)
}

// verdictLine counts gates.
func verdictLine(in Input) redact.Clean {
	count := map[verify.Outcome]int{}
	for _, g := range in.Verdict.Gates {
		count[g.Outcome]++
	}
	line := redact.Constant("**Rejected**:")
	switch in.Verdict.Decision {
	case verify.Accepted:
		line = redact.Constant("**Accepted**:")
	case verify.Asked:
		line = redact.Constant("**A person has to decide**:")
	}
	line = words(line, redact.Number(count[verify.Held]), redact.Constant("of"), redact.Number(len(in.Verdict.Gates)), redact.Constant("gates hold"))
	for _, o := range []struct {
		outcome verify.Outcome
		text    redact.Clean
	}{
		{verify.Failed, redact.Constant("failed")},
		{verify.NotApplied, redact.Constant("not applicable")},
		{verify.NotReached, redact.Constant("not reached")},
	} {
		if n := count[o.outcome]; n > 0 {
			line = redact.Concat(line, redact.Constant(", "), redact.Number(n), redact.Constant(" "), o.text)
		}
	}
	return redact.Concat(line, redact.Constant(". Each side ran in fresh sandboxes of its own; the verdict is model-free."))
}

// commits names the two commits of a verdict; empty where it is one.
func commits(in Input, q quoter) redact.Clean {
	h := in.Verdict.Head
	if h == nil {
		return redact.Clean{}
	}
	held := 0
	for _, g := range h.Gates {
		if g.Outcome == verify.Held {
			held++
		}
	}
	return redact.Concat(redact.Constant("The verdict was computed on two commits: on "), q.name(in.Bundle.Code.Commit, maxName),
		redact.Constant(", where production failed, as below, and with every gate again on "), q.name(h.Commit, maxName),
		redact.Constant(", the head of the branch, which this pull request is based on: there the test fails without the patch and passes with it, and "),
		words(redact.Number(held), redact.Constant("of"), redact.Number(len(h.Gates)), redact.Constant("gates hold and none fails.")))
}

// gatesTable lists every gate, also those that did not apply.
func gatesTable(in Input, q quoter) redact.Clean {
	rows := []redact.Clean{redact.Constant("| gate | outcome | evidence |"), redact.Constant("|---|---|---|")}
	for i, g := range in.Verdict.Gates {
		if i == maxGates {
			break
		}
		evidence := q.prose(g.Evidence, maxEvidence)
		rows = append(rows, redact.Concat(redact.Constant("| "), q.name(g.Name, 40), redact.Constant(" | "), outcome(g.Outcome),
			redact.Constant(" | "), evidence, redact.Constant(" |")))
	}
	return lines(rows...)
}

func outcome(o verify.Outcome) redact.Clean {
	switch o {
	case verify.Held:
		return redact.Constant("holds")
	case verify.Failed:
		return redact.Constant("**fails**")
	case verify.NotApplied:
		return redact.Constant("not applicable")
	}
	return redact.Constant("not reached")
}

// proof names the proof modes that hold.
func proof(in Input) redact.Clean {
	var modes []redact.Clean
	for _, m := range in.Verdict.ProofModes {
		switch m {
		case "base-sha":
			modes = append(modes, redact.Constant("the test fails on the base commit (`base-sha`)"))
		case "reverted-fix":
			modes = append(modes, redact.Constant("it fails again when the patch is reverted (`reverted-fix`)"))
		case "captured-failure":
			modes = append(modes, redact.Constant("the production event is in the bundle, and the test's failure matches its signature (`captured-failure`)"))
		}
	}
	if len(modes) == 0 {
		return redact.Constant("**Proof modes:** none hold.")
	}
	return redact.Concat(redact.Constant("**Proof modes:** "), redact.Join(redact.Constant("; "), modes...), redact.Constant("."))
}

// fidelity says how close the test's failure is to production's.
func fidelity(in Input) redact.Clean {
	r := in.Reproduction
	if r.Test.Own {
		return redact.Concat(redact.Constant("The test failed in the same way in "), redact.Number(r.Failed), redact.Constant(" of "), redact.Number(r.Runs), redact.Constant(" runs on base."))
	}
	f := r.Fidelity
	return redact.Concat(
		redact.Constant("**Fidelity** "), share(f.Score), redact.Constant(" of 1: exception type "), share(f.Type), redact.Constant(", message "), share(f.Message),
		redact.Constant(", frame path "), share(f.Path), redact.Constant(", values of locals "), share(f.Locals),
		redact.Constant(". The test failed in "), redact.Number(r.Failed), redact.Constant(" of "), redact.Number(r.Runs), redact.Constant(" runs on base."))
}

// share renders 0 to 1 with two decimals.
func share(f float64) redact.Clean {
	if math.IsNaN(f) {
		f = 0
	}
	n := int(math.Round(min(max(f, 0), 1) * 100))
	return redact.Concat(redact.Number(n/100), redact.Constant("."), redact.Number(n/10%10), redact.Number(n%10))
}

// failingTest says what the test does and how it failed.
func failingTest(in Input, q quoter) redact.Clean {
	r := in.Reproduction
	about := redact.Concat(q.name(r.Test.Path+"::"+r.Test.Name, 200), redact.Constant(" calls "), q.name(r.Called, maxName),
		redact.Constant(" with the values that production recorded (strategy "), q.name(r.Strategy, 60), redact.Constant("). On the base commit:"))
	heading := redact.Constant("Production's stack in this repository, outermost first:")
	if r.Test.Own {
		about = redact.Concat(q.name(r.Test.ID(), 200), redact.Constant(" is the repository's own and stays as it is. On the base commit:"))
		heading = redact.Constant("The failure's stack in this repository, outermost first:")
	}
	var frames []redact.Clean
	for i, f := range r.Frames {
		if f.Path == "" {
			continue
		}
		if i >= maxFrames {
			break
		}
		frames = append(frames, redact.Concat(redact.Constant("- "), q.name(f.Path, maxName), redact.Constant(" line "), redact.Number(f.Line),
			redact.Constant(" in "), q.name(f.Function, maxName)))
	}
	stack := redact.Clean{}
	if len(frames) > 0 {
		stack = paragraphs(heading, lines(frames...))
	}
	return paragraphs(about, block("text", q.text(tail(r.Output, maxOutput), maxOutput)), stack)
}

// tail keeps the end of the test runner's output, where the failure is.
func tail(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = s[len(s)-most:]
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return "…\n" + s
}

// replay gives commands that need git and the project's own test runner only.
func replay(in Input, q quoter) redact.Clean {
	branch := q.code("origin/"+forge.BranchFor(in.Key), maxName)
	test, base := q.code(shellWord(in.Reproduction.Test.Path), maxName), q.code(shellWord(in.Bundle.Code.Commit), maxName)
	run := command(in.Reproduction.Test.Command, q)
	fetched := redact.Concat(redact.Constant("git checkout "), branch, redact.Constant(" -- "), test)
	red := redact.Constant("   # red: the production failure")
	if in.Reproduction.Test.Own {
		fetched, red = redact.Clean{}, redact.Constant("   # red")
	}
	commands := lines(
		redact.Constant("git fetch origin"),
		redact.Concat(redact.Constant("git switch --detach "), base),
		fetched,
		note(run, red),
		redact.Concat(redact.Constant("git switch --detach --force "), branch),
		note(run, redact.Constant("   # green")),
	)
	return paragraphs(redact.Constant("In a clone, with the project's dependencies installed:"), block("sh", commands))
}

// command is one shell command line; empty if there are no words.
func command(line []string, q quoter) redact.Clean {
	var quoted []redact.Clean
	for _, word := range line {
		if plain := "x" + word; shellWord(plain) != plain { // options are meant here
			word = shellWord(word)
		}
		quoted = append(quoted, q.code(word, maxName))
	}
	return words(quoted...)
}

func note(line, comment redact.Clean) redact.Clean {
	if line.Empty() {
		return line
	}
	return redact.Concat(line, comment)
}

// shellWord quotes what a shell would not read as one plain word.
func shellWord(s string) string {
	if strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-", r)
	}) < 0 && s != "" && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func onTop(in Input) redact.Clean {
	if in.Reproduction.Test.Own {
		return redact.Clean{}
	}
	return redact.Constant(" The test file is added on top.")
}

// diffSize counts a unified diff's files and changed lines.
func diffSize(diff string) (files, added, removed int) {
	inHunk := false
	for line := range strings.Lines(diff) {
		switch {
		case strings.HasPrefix(line, "diff --git "), !inHunk && strings.HasPrefix(line, "--- "):
			inHunk = false
			if strings.HasPrefix(line, "--- ") {
				files++
			}
		case strings.HasPrefix(line, "@@"):
			inHunk = true
		case inHunk && line[0] == '+':
			added++
		case inHunk && line[0] == '-':
			removed++
		}
	}
	return files, added, removed
}

// identity lists ids, redaction and cost.
func identity(in Input, q quoter) redact.Clean {
	row := func(name, value redact.Clean) redact.Clean {
		return redact.Concat(redact.Constant("| "), name, redact.Constant(" | "), value, redact.Constant(" |"))
	}
	b, x := in.Bundle, in.Repair
	rows := []redact.Clean{
		redact.Constant("| | |"), redact.Constant("|---|---|"),
		row(redact.Constant("incident"), q.name(b.Incident.ID, maxName)),
		row(redact.Constant("run"), q.name(in.Run, maxName)),
		row(redact.Constant("bundle"), q.name(b.ID, maxName)),
		row(redact.Constant("base commit"), q.name(b.Code.Commit, maxName)),
		row(redact.Constant("trace id"), q.name(b.Event.TraceID, maxName)),
		row(redact.Constant("event id"), q.name(b.Event.ID, maxName)),
		row(redact.Constant("values replaced by the redactor"), redact.Number(b.Redaction.Replaced)),
		row(redact.Constant("proposer"), q.name(x.Proposer, maxName)),
		row(redact.Constant("candidates verified"), redact.Number(len(x.Attempts))),
		row(redact.Constant("tokens"), tokens(in)),
		row(redact.Constant("cost"), cost(in, q)),
		row(redact.Constant("duration of the repair"), q.code(x.Wall.Round(100_000_000).String(), maxName)),
	}
	if u, err := url.Parse(in.PageURL); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		rows = append(rows, row(redact.Constant("evidence"), q.name(u.String(), 300)))
	}
	return lines(rows...)
}

// cost is what the repair cost, if the model's price is configured.
func cost(in Input, q quoter) redact.Clean {
	if in.Repair.Unpriced {
		return redact.Constant("unknown: no price is configured for the model")
	}
	return q.code(dollars(in.Repair.Dollars), maxName)
}

func tokens(in Input) redact.Clean {
	u := in.Repair.Usage
	if u.Input+u.Output == 0 {
		return redact.Constant("none: no model was used")
	}
	return redact.Concat(redact.Number(u.Input), redact.Constant(" in ("), redact.Number(u.Cached), redact.Constant(" cached), "),
		redact.Number(u.Output), redact.Constant(" out"))
}
