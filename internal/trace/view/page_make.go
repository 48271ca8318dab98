package view

import (
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/wire"
)

func makePage(o PageOptions) *pageData {
	d := &pageData{Title: o.Title}
	red := newForest(o.Red)
	a := pageOf(red, findingsOf(o.Red, o.Green), o.Source)
	a.Label = "trace"
	d.Traces = append(d.Traces, a)
	if o.Green != nil {
		green := newForest(o.Green)
		b := pageOf(green, findingsOf(o.Green, nil), o.Source)
		a.Label, b.Label = "red", "green"
		d.Traces = append(d.Traces, b)
		d.Compare = compare(red, green)
	}
	if d.Title == "" {
		d.Title = "Python trace"
		if len(o.Red.Processes) > 0 && len(o.Red.Processes[0].Argv) > 0 {
			argv := slices.Clone(o.Red.Processes[0].Argv)
			argv[0] = base(argv[0])
			d.Title = cut(visible(strings.Join(argv, " ")), 100)
		}
	}
	return d
}

type pager struct {
	f       *forest
	t       *pageTrace
	root    string
	strings map[string]int
	codes   map[*trace.Code]int
	files   map[string]int
	left    int // bytes of text
}

func pageOf(f *forest, found []findings.Finding, source func(string) []byte) *pageTrace {
	p := pager{f: f, t: &pageTrace{Strings: []string{""}, Notes: []string{}, Groups: []pageGroup{}, Findings: []pageFinding{}, Exceptions: [][]int{}, Counts: [][]int64{}},
		root: commonRoot(f.t), strings: map[string]int{"": 0}, codes: map[*trace.Code]int{}, files: map[string]int{}, left: maxPageText}
	p.t.Summary = Summary(f.t)
	p.t.Notes = append(p.t.Notes, absences(f.t)...)
	if len(f.nodes) > maxPageCalls {
		p.t.Notes = append(p.t.Notes, "this page shows the first "+plural(maxPageCalls, "call")+" of "+plural(len(f.nodes), "call"))
	}
	p.groups()
	p.calls()
	p.findings(found)
	p.counts()
	p.sources(source)
	return p.t
}

// shown is how many calls the page holds: the first, so that each has its parent.
func (p *pager) shown() int { return min(len(p.f.nodes), maxPageCalls) }

func (p *pager) text(s string) int {
	n, ok := p.strings[s]
	if ok {
		return n
	}
	if p.left -= len(s); p.left < 0 {
		return p.fixed("… left out, the page is full")
	}
	return p.fixed(s)
}

func (p *pager) fixed(s string) int {
	n, ok := p.strings[s]
	if !ok {
		n = len(p.t.Strings)
		p.strings[s] = n
		p.t.Strings = append(p.t.Strings, s)
	}
	return n
}

func (p *pager) value(v *wire.Value) int { return p.text(text(v, pageValue, idsMarked)) }

func (p *pager) vars(list []wire.Var) []int {
	out := make([]int, 0, 2*len(list))
	for i := range list {
		out = append(out, p.text(visible(list[i].Name)), p.value(&list[i].Value))
	}
	return out
}

// brief is the arguments in what a line has room for, 0 where they are short.
func (p *pager) brief(list []wire.Var) int {
	if s := vars(list, pageBrief+pageBrief/3, idsMarked); len(unmark(s)) > pageBrief {
		return p.text(vars(list, pageBrief, idsMarked))
	}
	return 0
}

func (p *pager) code(c *trace.Code) int {
	n, ok := p.codes[c]
	if !ok {
		n = len(p.t.Codes)
		p.codes[c] = n
		p.t.Codes = append(p.t.Codes, pageCode{visible(c.Name), p.file(c.File), c.Line, visible(c.Kind)})
	}
	return n
}

func (p *pager) file(name string) int {
	n, ok := p.files[name]
	if !ok {
		n = len(p.t.Files)
		p.files[name] = n
		p.t.Files = append(p.t.Files, pageFile{Name: visible(relative(name, p.root))})
	}
	return n
}

// groups puts roots under their threads, and calls without a beginning too.
func (p *pager) groups() {
	index := map[threadKey]int{}
	for _, i := range p.f.roots {
		if int(i) >= p.shown() {
			continue
		}
		c := &p.f.nodes[i]
		key := threadKey{c.process, c.thread}
		n, ok := index[key]
		if !ok {
			n = len(p.t.Groups)
			index[key] = n
			p.t.Groups = append(p.t.Groups, pageGroup{Name: p.groupName(key)})
		}
		p.t.Groups[n].Roots = append(p.t.Groups[n].Roots, i)
	}
	for n := range p.f.t.Processes {
		if !slices.ContainsFunc(p.f.roots, func(i int32) bool { return p.f.nodes[i].process == n }) {
			p.t.Groups = append(p.t.Groups, pageGroup{Name: processText(p.f.t, n) + "  no calls recorded", Roots: []int32{}})
		}
	}
}

func (p *pager) groupName(k threadKey) string {
	name := processText(p.f.t, k.process)
	if len(p.f.t.Processes[k.process].Threads) > 1 || k.thread > 0 {
		name = "thread " + threadName(p.f.t, k.process, k.thread) + " of " + name
	}
	return name
}

func (p *pager) calls() {
	x := &p.t.Calls
	x.Fold = [][]int{}
	p.t.Events = pageEvents{[]int{}, []string{}, []int{}, []int{}}
	for i := range p.shown() {
		p.call(x, &p.f.nodes[i])
		p.folds(p.f.nodes[i].kids)
	}
	for _, g := range p.t.Groups {
		p.folds(g.Roots)
	}
	x.Event = append(x.Event, int32(len(p.t.Events.Record)))
	slices.SortFunc(p.t.Exceptions, func(a, b []int) int { return a[0] - b[0] })
}

func (p *pager) folds(list []int32) {
	for _, r := range p.f.runs(list, foldLeast) {
		if r.times > 1 {
			p.t.Calls.Fold = append(p.t.Calls.Fold, []int{int(list[r.from]), r.period, r.times})
		}
	}
}

func (p *pager) call(x *pageCalls, c *node) {
	flags, from, start, end, line, result, left := 0, 0, 0, 0, 0, 0, 0
	args, brief := []int{}, 0
	if c.start >= 0 {
		r := record(p.f.t, int(c.start))
		list := r.Args()
		start, from, args, brief = r.ID, r.Line, p.vars(list), p.brief(list)
		if r.Late {
			flags |= 8
		}
	}
	x.Event = append(x.Event, int32(len(p.t.Events.Record)))
	flags |= p.events(c)
	if c.end >= 0 {
		r := record(p.f.t, int(c.end))
		end, line = r.ID, r.Line
		if v := r.Value(); v != nil {
			result = p.value(v)
		}
		if r.Kind == wire.KindUnwind {
			name := r.Type()
			if e, ok := p.f.left(c); ok {
				name = e.Type()
			}
			left = p.text(visible(name))
		}
		list := r.Changed()
		for k := range list {
			flags |= 4
			p.event(r.ID, "changed", r.Line, changeText(p.f, r, &list[k], pageValue))
		}
	}
	loud, task := 0, 0
	if c.loud {
		loud = 1
	}
	if c.task != 0 {
		task = p.text(visible(p.f.taskName(c)))
	}
	x.ID, x.Parent, x.Code = append(x.ID, callName(c.id)), append(x.Parent, c.parent), append(x.Code, p.code(c.code))
	x.From, x.Start, x.End = append(x.From, from), append(x.Start, start), append(x.End, end)
	x.Began, x.Total, x.Args = append(x.Began, max(c.began, 0)), append(x.Total, c.total), append(x.Args, args)
	x.Brief, x.Result, x.Left, x.Line = append(x.Brief, brief), append(x.Result, result), append(x.Left, left), append(x.Line, line)
	x.Flags, x.Below, x.Loud, x.Task = append(x.Flags, flags), append(x.Below, c.below), append(x.Loud, loud), append(x.Task, task)
}

func (p *pager) event(record int, kind string, line int, text string) {
	e := &p.t.Events
	if len(e.Record) >= maxPageEvents {
		return
	}
	e.Record, e.Kind, e.Line, e.Text = append(e.Record, record), append(e.Kind, kind), append(e.Line, line), append(e.Text, p.text(text))
}

// events adds what happened in a call, and returns its flags.
func (p *pager) events(c *node) int {
	flags, before := 0, c.code.Line
	for _, e := range c.events {
		r := record(p.f.t, int(e))
		s := ""
		switch r.Kind {
		case wire.KindRaise:
			flags |= 1
			s = cut(visible(exceptionText(r)), pageValue)
			if o := r.Origin(); o != nil {
				s += "  from " + visible(o.Name) + " (" + visible(base(o.File)) + ")"
			}
			p.exception(r)
		case wire.KindHandled:
			flags |= 2
			t := treePainter{painter: &painter{width: maxWidth}, f: p.f}
			s = t.swallowed(r, pageValue)
		case wire.KindYield:
			s = text(r.Value(), pageValue, idsMarked)
		case wire.KindStep: // what changed was set by the line before
			p.assigned(r, before)
			before = r.Line
		case wire.KindBranch:
			s = p.branch(r)
		case wire.KindSnapshot:
			s = snapshotText(r, p.root, pageValue, idsMarked)
		}
		line := r.Line
		if r.Kind == wire.KindHandled && r.Handler() > 0 {
			line = r.Handler()
		}
		p.event(r.ID, string(r.Kind), line, s)
		if r.Kind == wire.KindRaise {
			for _, v := range r.Args() {
				p.event(r.ID, "local", r.Line, visible(v.Name)+" = "+text(&v.Value, pageValue, idsMarked))
			}
		}
	}
	if c.end >= 0 {
		p.assigned(record(p.f.t, int(c.end)), before)
	}
	return flags
}

// assigned adds the variables that a line set.
func (p *pager) assigned(r rec, line int) {
	list := r.Assigned()
	for i := range list {
		p.event(r.ID, "set", line, visible(list[i].Name)+" = "+text(&list[i].Value, pageValue, idsMarked))
	}
}

func (p *pager) branch(r rec) string {
	if r.Taken() {
		return "true"
	}
	return "false"
}

const maxPageExceptions = 5000

// exception lists an exception: raise record, text, the record of where it was
// swallowed or 0, code, line.
func (p *pager) exception(r rec) {
	if len(p.t.Exceptions) >= maxPageExceptions {
		return
	}
	p.t.Exceptions = append(p.t.Exceptions, []int{r.ID, p.text(cut(visible(exceptionText(r)), pageValue)), p.f.handled[r.Exc], p.code(r.Code), r.Line})
}

func (p *pager) findings(found []findings.Finding) {
	for _, f := range found {
		p.t.Findings = append(p.t.Findings, pageFinding{visible(f.Kind), visible(f.Text), visible(relative(f.File, p.root)) + ":" + strconv.Itoa(f.Line), visible(f.Name), f.Records})
	}
}

// counts lists functions by their first code.
func (p *pager) counts() {
	type key struct {
		file, name string
		line       int
	}
	first := map[key]int{}
	for c, n := range p.codes {
		k := key{c.File, c.Name, c.Line}
		if old, ok := first[k]; !ok || n < old {
			first[k] = n
		}
	}
	for _, c := range countedIn(p.f, "") {
		if n, ok := first[key{c.File, c.Function, c.Line}]; ok {
			p.t.Counts = append(p.t.Counts, []int64{int64(n), int64(c.Calls), c.Total, c.Self, int64(c.Raised)})
		}
	}
}
