package report

import (
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/verify"
)

// question shows the candidates side by side, and says how a person answers.
func question(v *verify.Question, run string, q quoter) redact.Clean {
	parts := []redact.Clean{redact.Concat(redact.Constant("**"), q.prose(v.Text, maxWhy), redact.Constant("**"))}
	rows := []redact.Clean{redact.Constant("| | it answers | how it fares |"), redact.Constant("|---|---|---|")}
	var folds []redact.Clean
	var calls [][]redact.Clean // a row for each call
	for i, o := range v.Options {
		if i == maxOptions {
			break
		}
		key := q.name(o.Key, 8)
		rows = append(rows, redact.Concat(redact.Constant("| "), key, redact.Constant(" | "), q.span(o.Answer, maxMessage), redact.Constant(" | "), q.prose(o.Standing, maxEvidence), redact.Constant(" |")))
		for n, d := range o.Changes {
			if n == maxExamples {
				break
			}
			for len(calls) <= n {
				calls = append(calls, []redact.Clean{q.span(d.Call, maxAnswer), q.span(d.Before, maxAnswer)})
			}
			for len(calls[n]) < i+2 {
				calls[n] = append(calls[n], redact.Constant("–"))
			}
			calls[n] = append(calls[n], q.span(d.After, maxAnswer))
		}
		folds = append(folds, fold(redact.Concat(redact.Constant("Patch of "), redact.Constant("option "), q.plain(o.Key, 8)), block("text", q.code(o.Diff, maxOutput))))
	}
	parts = append(parts, lines(rows...))
	if len(calls) > 0 {
		head, rule := redact.Constant("| call | before |"), redact.Constant("|---|---|")
		for i, o := range v.Options {
			if i < maxOptions {
				head, rule = redact.Concat(head, redact.Constant(" "), q.name(o.Key, 8), redact.Constant(" |")), redact.Concat(rule, redact.Constant("---|"))
			}
		}
		table := []redact.Clean{head, rule}
		for _, c := range calls {
			table = append(table, redact.Concat(redact.Constant("| "), redact.Join(redact.Constant(" | "), c...), redact.Constant(" |")))
		}
		parts = append(parts, lines(table...))
	}
	parts = append(parts, folds...)
	how := redact.Concat(redact.Constant("Answer with "), q.name("repaird run decide "+run+" KEY", maxName),
		redact.Constant(", or with "), q.name("--expect VALUE", maxName), redact.Constant(" or "), q.name("--raises TYPE", maxName), redact.Constant(" instead of the key, or on the run's page. The answer becomes the test's assertion, and the run continues."))
	if v.Kind == verify.AskPermission {
		how = redact.Concat(redact.Constant("Answer with "), q.name("repaird run decide "+run+" yes", maxName), redact.Constant(" or "), q.name("no", maxName), redact.Constant(", or on the run's page."))
	}
	return paragraphs(append(parts, how)...)
}

const maxOptions = 6
