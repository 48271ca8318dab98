package report

import (
	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/verify"
)

// An Assertion is what the published test asserts of its call's answer.
type Assertion struct {
	What string // such as "the value"; "" nothing
	By   string // who or what established the answer; "" nobody
	Why  string // why nothing is asserted
	Test string // source of the test with it; "" as it was reproduced
}

const (
	maxGrounds  = 12
	maxExamples = 4
	maxAnswer   = 160 // of a call or an answer in a table
)

// answerKnown says what the call answers with the patch, how well it is known
// that this is right, and what calls near it answer.
func answerKnown(in Input, q quoter) redact.Clean {
	v := in.Verdict
	if v.Strength == "" { // of an older version
		return redact.Clean{}
	}
	var parts []redact.Clean
	if v.Answer != nil && v.Call != "" {
		parts = append(parts, redact.Concat(redact.Constant("With the patch, "), q.span(v.Call, maxMessage), redact.Constant(" "), q.span(behaviour.Show(*v.Answer), maxMessage), redact.Constant(".")))
	}
	parts = append(parts, words(strengthLine(in, q), assertionLine(in, q)), examplesTable(in, q))
	return paragraphs(parts...)
}

func strengthLine(in Input, q quoter) redact.Clean {
	switch in.Verdict.Strength {
	case behaviour.Established:
		var by []redact.Clean
		for _, g := range in.Verdict.Grounds {
			if g.Effect == behaviour.Establishes {
				by = append(by, q.name(g.Name, 40))
			}
		}
		return redact.Concat(redact.Constant("**Established**: what it should answer is fixed by "), redact.Join(redact.Constant(" and "), by...), redact.Constant("."))
	case behaviour.Supported:
		return redact.Constant("**Supported**: nothing that was tried speaks against this answer, and other answers were refuted; nothing fixes it. Whether it is the intended one is for the review.")
	}
	return redact.Constant("**Undetermined**: several behaviours remain plausible.")
}

func assertionLine(in Input, q quoter) redact.Clean {
	a := in.Assertion
	switch {
	case in.Reproduction.Test.Own:
		return redact.Clean{}
	case a.What != "" && a.By != "":
		return redact.Concat(redact.Constant("The test asserts "), q.prose(a.What, maxName), redact.Constant(", established by "), q.prose(a.By, maxName), redact.Constant("."))
	case a.What != "":
		return redact.Concat(redact.Constant("The test asserts "), q.prose(a.What, maxName), redact.Constant(" that the patch makes it answer: please review."))
	case a.Why != "":
		return redact.Concat(redact.Constant("The test only makes the call and asserts nothing of its answer: "), q.prose(a.Why, maxEvidence), redact.Constant("."))
	}
	return redact.Clean{}
}

func groundsTable(in Input, q quoter) redact.Clean {
	rows := []redact.Clean{redact.Constant("| ground | effect | evidence |"), redact.Constant("|---|---|---|")}
	for i, g := range in.Verdict.Grounds {
		if i == maxGrounds {
			break
		}
		rows = append(rows, redact.Concat(redact.Constant("| "), q.name(g.Name, 40), redact.Constant(" | "), effect(g.Effect), redact.Constant(" | "), q.prose(g.Evidence, maxEvidence), redact.Constant(" |")))
	}
	if len(rows) == 2 {
		return redact.Clean{}
	}
	return lines(rows...)
}

func effect(e behaviour.Effect) redact.Clean {
	switch e {
	case behaviour.Rejects:
		return redact.Constant("**rejects**")
	case behaviour.Establishes:
		return redact.Constant("**establishes**")
	case behaviour.Supports:
		return redact.Constant("supports")
	case behaviour.Lowers:
		return redact.Constant("**lowers**")
	}
	return redact.Constant("shown")
}

// examplesTable shows calls with what they answered before and answer now.
func examplesTable(in Input, q quoter) redact.Clean {
	rows := []redact.Clean{redact.Constant("| call | before | now |"), redact.Constant("|---|---|---|")}
	seen := map[string]bool{}
	for _, g := range in.Verdict.Grounds {
		for _, d := range g.Examples {
			if len(rows) == maxExamples+2 || seen[d.Call] {
				continue
			}
			seen[d.Call] = true
			rows = append(rows, redact.Concat(redact.Constant("| "), q.span(d.Call, maxAnswer), redact.Constant(" | "), q.span(d.Before, maxAnswer), redact.Constant(" | "), q.span(d.After, maxAnswer), redact.Constant(" |")))
		}
	}
	if len(rows) == 2 {
		return redact.Clean{}
	}
	return lines(rows...)
}

// risk names what is not known. It is low only where the answer is established,
// tests of the suite execute every changed line, and nothing else is open.
func risk(in Input, q quoter) redact.Clean {
	v := in.Verdict
	files, added, removed := diffSize(v.Diff)
	size := redact.Concat(redact.Constant("- The patch changes "), redact.Number(files), redact.Constant(" file(s): "), redact.Number(added),
		redact.Constant(" line(s) added, "), redact.Number(removed), redact.Constant(" removed."), onTop(in))
	var open []redact.Clean
	add := func(c redact.Clean) { open = append(open, redact.Concat(redact.Constant("- "), c)) }
	if v.Strength != behaviour.Established {
		add(redact.Constant("Nothing establishes that the new answer is the intended one: the verdict shows that the failure is gone and that what worked still does."))
	}
	if !v.Covered {
		add(redact.Constant("Not every changed line is executed by a test of the repository's suite."))
	}
	for i, r := range v.Risks {
		if i < maxGates {
			add(q.prose(r, maxEvidence))
		}
	}
	for i, g := range v.Grounds {
		if i < maxGrounds && g.Effect == behaviour.Lowers {
			add(redact.Concat(q.name(g.Name, 40), redact.Constant(": "), q.prose(g.Evidence, maxEvidence), redact.Constant(".")))
		}
	}
	for i, g := range v.Gates {
		if i < maxGates && g.Outcome == verify.NotApplied && g.Name != verify.Lint && (g.Name != verify.Behaviour || !in.Reproduction.Test.Own) {
			add(redact.Concat(redact.Constant("Not evaluated: "), q.name(g.Name, 40), redact.Constant(" ("), q.prose(g.Evidence, maxEvidence), redact.Constant(").")))
		}
	}
	if added+removed > 20 || files > 2 {
		add(redact.Constant("The patch is not small."))
	}
	if in.Reproduction.Fidelity.Score < 0.85 {
		add(redact.Constant("The test's failure is close to production's, but not identical."))
	}
	if len(open) == 0 {
		return paragraphs(redact.Constant("**Low**: the answer is established, and tests of the suite execute every changed line."), size)
	}
	level := redact.Constant("**Not low.** What is not known:")
	return paragraphs(level, lines(open...), size)
}
