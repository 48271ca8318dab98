package page

import (
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

func makePage(o Options) *pageData {
	d := &pageData{Title: o.Title}
	red := view.NewForest(o.Red)
	a := pageOf(red, view.FindingsOf(o.Red, o.Green), o.Source)
	a.Label = "trace"
	d.Traces = append(d.Traces, a)
	if o.Green != nil {
		green := view.NewForest(o.Green)
		b := pageOf(green, view.FindingsOf(o.Green, nil), o.Source)
		a.Label, b.Label = "red", "green"
		d.Traces = append(d.Traces, b)
		d.Compare = compare(red, green)
	}
	if d.Title == "" {
		d.Title = "Python trace"
		if len(o.Red.Processes) > 0 && len(o.Red.Processes[0].Argv) > 0 {
			argv := slices.Clone(o.Red.Processes[0].Argv)
			argv[0] = view.Base(argv[0])
			d.Title = view.Cut(view.Visible(strings.Join(argv, " ")), 100)
		}
	}
	return d
}

type pager struct {
	f       *view.Forest
	t       *pageTrace
	root    string
	strings map[string]int
	codes   map[*trace.Code]int
	files   map[string]int
	left    int // bytes of text
}

func pageOf(f *view.Forest, found []findings.Finding, source func(string) []byte) *pageTrace {
	p := pager{f: f, t: &pageTrace{Strings: []string{""}, Notes: []string{}, Groups: []pageGroup{}, Findings: []pageFinding{}, Exceptions: [][]int{}, Counts: [][]int64{}},
		root: view.CommonRoot(f.T), strings: map[string]int{"": 0}, codes: map[*trace.Code]int{}, files: map[string]int{}, left: maxPageText}
	p.t.Summary = view.Summary(f.T)
	p.t.Notes = append(p.t.Notes, view.Absences(f.T)...)
	if len(f.Nodes) > maxPageCalls {
		p.t.Notes = append(p.t.Notes, "this page shows the first "+view.Plural(maxPageCalls, "call")+" of "+view.Plural(len(f.Nodes), "call"))
	}
	p.groups()
	p.calls()
	p.findings(found)
	p.counts()
	p.sources(source)
	return p.t
}

// shown is how many calls the page holds: the first, so that each has its parent.
func (p *pager) shown() int { return min(len(p.f.Nodes), maxPageCalls) }

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

func (p *pager) value(v *wire.Value) int { return p.text(view.Text(v, pageValue, view.IdsMarked)) }

func (p *pager) vars(list []wire.Var) []int {
	out := make([]int, 0, 2*len(list))
	for i := range list {
		out = append(out, p.text(view.Visible(list[i].Name)), p.value(&list[i].Value))
	}
	return out
}

// brief is the arguments in what a line has room for, 0 where they are short.
func (p *pager) brief(list []wire.Var) int {
	if s := view.Vars(list, pageBrief+pageBrief/3, view.IdsMarked); len(view.Unmark(s)) > pageBrief {
		return p.text(view.Vars(list, pageBrief, view.IdsMarked))
	}
	return 0
}

func (p *pager) code(c *trace.Code) int {
	n, ok := p.codes[c]
	if !ok {
		n = len(p.t.Codes)
		p.codes[c] = n
		p.t.Codes = append(p.t.Codes, pageCode{view.Visible(c.Name), p.file(c.File), c.Line, view.Visible(c.Kind)})
	}
	return n
}

func (p *pager) file(name string) int {
	n, ok := p.files[name]
	if !ok {
		n = len(p.t.Files)
		p.files[name] = n
		p.t.Files = append(p.t.Files, pageFile{Name: view.Visible(view.Relative(name, p.root))})
	}
	return n
}

// groups puts roots under their threads, and calls without a beginning too.
func (p *pager) groups() {
	index := map[view.ThreadKey]int{}
	for _, i := range p.f.Roots {
		if int(i) >= p.shown() {
			continue
		}
		c := &p.f.Nodes[i]
		key := view.ThreadKey{Process: c.Process, Thread: c.Thread}
		n, ok := index[key]
		if !ok {
			n = len(p.t.Groups)
			index[key] = n
			p.t.Groups = append(p.t.Groups, pageGroup{Name: p.groupName(key)})
		}
		p.t.Groups[n].Roots = append(p.t.Groups[n].Roots, i)
	}
	for n := range p.f.T.Processes {
		if !slices.ContainsFunc(p.f.Roots, func(i int32) bool { return p.f.Nodes[i].Process == n }) {
			p.t.Groups = append(p.t.Groups, pageGroup{Name: view.ProcessText(p.f.T, n) + "  no calls recorded", Roots: []int32{}})
		}
	}
}

func (p *pager) groupName(k view.ThreadKey) string {
	name := view.ProcessText(p.f.T, k.Process)
	if len(p.f.T.Processes[k.Process].Threads) > 1 || k.Thread > 0 {
		name = "thread " + view.ThreadName(p.f.T, k.Process, k.Thread) + " of " + name
	}
	return name
}

func (p *pager) calls() {
	x := &p.t.Calls
	x.Fold = [][]int{}
	p.t.Events = pageEvents{[]int{}, []string{}, []int{}, []int{}}
	for i := range p.shown() {
		p.call(x, &p.f.Nodes[i])
		p.folds(p.f.Nodes[i].Kids)
	}
	for _, g := range p.t.Groups {
		p.folds(g.Roots)
	}
	x.Event = append(x.Event, int32(len(p.t.Events.Record)))
	slices.SortFunc(p.t.Exceptions, func(a, b []int) int { return a[0] - b[0] })
}

func (p *pager) folds(list []int32) {
	for _, r := range p.f.Runs(list, view.FoldLeast) {
		if r.Times > 1 {
			p.t.Calls.Fold = append(p.t.Calls.Fold, []int{int(list[r.From]), r.Period, r.Times})
		}
	}
}

func (p *pager) call(x *pageCalls, c *view.Node) {
	flags, from, start, end, line, result, left := 0, 0, 0, 0, 0, 0, 0
	args, brief := []int{}, 0
	if c.Start >= 0 {
		r := view.Record(p.f.T, int(c.Start))
		list := r.Args()
		start, from, args, brief = r.ID, r.Line, p.vars(list), p.brief(list)
		if r.Late {
			flags |= 8
		}
	}
	x.Event = append(x.Event, int32(len(p.t.Events.Record)))
	flags |= p.events(c)
	if c.End >= 0 {
		r := view.Record(p.f.T, int(c.End))
		end, line = r.ID, r.Line
		if v := r.Value(); v != nil {
			result = p.value(v)
		}
		if r.Kind == wire.KindUnwind {
			name := r.Type()
			if e, ok := p.f.Left(c); ok {
				name = e.Type()
			}
			left = p.text(view.Visible(name))
		}
		list := r.Changed()
		for k := range list {
			flags |= 4
			p.event(r.ID, "changed", r.Line, view.ChangeText(p.f, r, &list[k], pageValue))
		}
	}
	loud, task := 0, 0
	if c.Loud {
		loud = 1
	}
	if c.Task != 0 {
		task = p.text(view.Visible(p.f.TaskName(c)))
	}
	x.ID, x.Parent, x.Code = append(x.ID, view.CallName(c.Id)), append(x.Parent, c.Parent), append(x.Code, p.code(c.Code))
	x.From, x.Start, x.End = append(x.From, from), append(x.Start, start), append(x.End, end)
	x.Began, x.Total, x.Args = append(x.Began, max(c.Began, 0)), append(x.Total, c.Total), append(x.Args, args)
	x.Brief, x.Result, x.Left, x.Line = append(x.Brief, brief), append(x.Result, result), append(x.Left, left), append(x.Line, line)
	x.Flags, x.Below, x.Loud, x.Task = append(x.Flags, flags), append(x.Below, c.Below), append(x.Loud, loud), append(x.Task, task)
}

func (p *pager) event(record int, kind string, line int, text string) {
	e := &p.t.Events
	if len(e.Record) >= maxPageEvents {
		return
	}
	e.Record, e.Kind, e.Line, e.Text = append(e.Record, record), append(e.Kind, kind), append(e.Line, line), append(e.Text, p.text(text))
}

// events adds what happened in a call, and returns its flags.
func (p *pager) events(c *view.Node) int {
	flags, before := 0, c.Code.Line
	for _, e := range c.Events {
		r := view.Record(p.f.T, int(e))
		s := ""
		switch r.Kind {
		case wire.KindRaise:
			flags |= 1
			s = view.Cut(view.Visible(view.ExceptionText(r)), pageValue)
			if o := r.Origin(); o != nil {
				s += "  from " + view.Visible(o.Name) + " (" + view.Visible(view.Base(o.File)) + ")"
			}
			p.exception(r)
		case wire.KindHandled:
			flags |= 2
			s = view.SwallowedText(p.f, r, pageValue)
		case wire.KindYield:
			s = view.Text(r.Value(), pageValue, view.IdsMarked)
		case wire.KindStep: // what changed was set by the line before
			p.assigned(r, before)
			before = r.Line
		case wire.KindBranch:
			s = p.branch(r)
		case wire.KindSnapshot:
			s = view.SnapshotText(r, p.root, pageValue, view.IdsMarked)
		}
		line := r.Line
		if r.Kind == wire.KindHandled && r.Handler() > 0 {
			line = r.Handler()
		}
		p.event(r.ID, string(r.Kind), line, s)
		if r.Kind == wire.KindRaise {
			for _, v := range r.Args() {
				p.event(r.ID, "local", r.Line, view.Visible(v.Name)+" = "+view.Text(&v.Value, pageValue, view.IdsMarked))
			}
		}
	}
	if c.End >= 0 {
		p.assigned(view.Record(p.f.T, int(c.End)), before)
	}
	return flags
}

// assigned adds the variables that a line set.
func (p *pager) assigned(r view.Rec, line int) {
	list := r.Assigned()
	for i := range list {
		p.event(r.ID, "set", line, view.Visible(list[i].Name)+" = "+view.Text(&list[i].Value, pageValue, view.IdsMarked))
	}
}

func (p *pager) branch(r view.Rec) string {
	if r.Taken() {
		return "true"
	}
	return "false"
}

const maxPageExceptions = 5000

// exception lists an exception: raise record, text, the record of where it was
// swallowed or 0, code, line.
func (p *pager) exception(r view.Rec) {
	if len(p.t.Exceptions) >= maxPageExceptions {
		return
	}
	p.t.Exceptions = append(p.t.Exceptions, []int{r.ID, p.text(view.Cut(view.Visible(view.ExceptionText(r)), pageValue)), p.f.Handled[r.Exc], p.code(r.Code), r.Line})
}

func (p *pager) findings(found []findings.Finding) {
	for _, f := range found {
		p.t.Findings = append(p.t.Findings, pageFinding{view.Visible(f.Kind), view.Visible(f.Text), view.Visible(view.Relative(f.File, p.root)) + ":" + strconv.Itoa(f.Line), view.Visible(f.Name), f.Records})
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
	for _, c := range view.CountedIn(p.f, "") {
		if n, ok := first[key{c.File, c.Function, c.Line}]; ok {
			p.t.Counts = append(p.t.Counts, []int64{int64(n), int64(c.Calls), c.Total, c.Self, int64(c.Raised)})
		}
	}
}
