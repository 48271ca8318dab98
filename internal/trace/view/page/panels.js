// Lists beside the tree: exceptions, findings, functions.

class Exceptions {
  constructor(trace, go) {
    this.trace = trace;
    this.go = go;
    this.list = new List(this, 'listbox', 'Exceptions');
    this.list.changed();
  }

  count() { return this.trace.exceptions.length; }

  line(i, e) {
    const t = this.trace, [record, text, handled, code, line] = t.exceptions[i];
    e.setAttribute('role', 'option');
    e.append(el('span', 'badge ' + (handled ? 'warn' : 'bad'), handled ? 'swallowed' : 'raised'));
    e.append(el('span', 'sig', t.strings[text]));
    let place = t.codes[code].name + ':' + line;
    const by = handled ? t.callOf(handled) : -1;
    if (by >= 0) place += ' → ' + t.name(by);
    e.append(el('span', 'place', place), el('span', 'time', String(record)));
  }

  selected(i) { this.go.record(this.trace.exceptions[i][0], true); }
  key(e) { return this.list.key(e); }
}

class Findings {
  constructor(trace, go) {
    this.trace = trace;
    this.go = go;
    this.at = -1;
    this.box = el('div', 'findings');
    this.box.tabIndex = 0;
    if (!trace.findings.length) this.box.append(el('p', 'x', 'Nothing odd was found.'));
    this.cards = trace.findings.map((f, i) => {
      const card = el('article', 'finding');
      const head = el('h3');
      head.append(el('span', 'badge ' + (f.kind === 'swallowed' ? 'warn' : 'note'), f.kind), el('span', 'name', f.name), el('span', 'place', f.place));
      card.append(head, el('p', '', f.text));
      const evidence = el('p', 'evidence', 'Records ');
      for (const r of f.records.slice(0, 30)) {
        const b = el('button', 'record', String(r));
        b.dataset.record = r;
        const call = trace.callOf(r);
        b.title = call >= 0 ? trace.name(call) : '';
        b.addEventListener('click', (e) => { e.stopPropagation(); this.select(i, r); });
        evidence.append(b);
      }
      card.append(evidence);
      card.addEventListener('click', () => this.select(i, f.records[f.records.length - 1]));
      this.box.append(card);
      return card;
    });
  }

  select(i, record) {
    this.cards[this.at]?.classList.remove('selected');
    this.at = i;
    this.cards[i].classList.add('selected');
    this.cards[i].scrollIntoView({ block: 'nearest' });
    for (const b of this.box.querySelectorAll('.record')) b.classList.toggle('now', b.closest('.finding') === this.cards[i] && Number(b.dataset.record) === record);
    this.go.record(record, true);
  }

  step(by) {
    const n = this.cards.length;
    if (!n) return;
    const i = (this.at + by + n) % n, records = this.trace.findings[i].records;
    this.select(i, records[records.length - 1]);
  }

  key(e) {
    if (e.key === 'ArrowDown' || e.key === 'j') { this.step(1); return true; }
    if (e.key === 'ArrowUp' || e.key === 'k') { this.step(-1); return true; }
    return false;
  }
}

class Functions {
  constructor(trace, go) {
    this.trace = trace;
    this.go = go;
    this.order = trace.counts.map((_, i) => i);
    this.box = el('div', 'functions');
    const head = el('div', 'columns');
    [['calls', 1], ['total', 2], ['self', 3], ['raised', 4]].forEach(([name, column]) => {
      const b = el('button', 'link', name);
      b.addEventListener('click', () => {
        this.order.sort((a, c) => trace.counts[c][column] - trace.counts[a][column]);
        this.list.changed();
      });
      head.append(b);
    });
    head.append(el('span', '', 'function'));
    this.list = new List(this, 'listbox', 'Functions');
    this.box.append(head, this.list.box);
    this.list.changed();
  }

  count() { return this.order.length; }

  line(i, e) {
    const t = this.trace, [code, calls, total, self, raised] = t.counts[this.order[i]], c = t.codes[code];
    e.setAttribute('role', 'option');
    e.append(el('span', 'num', String(calls)), el('span', 'num', micros(total)), el('span', 'num', micros(self)), el('span', 'num bad', raised ? String(raised) : ''));
    e.append(el('span', 'sig name', c.name), el('span', 'place', t.files[c.file].name + ':' + c.line));
  }

  selected(i) {
    const code = this.trace.counts[this.order[i]][0], name = this.trace.codes[code];
    const call = this.trace.calls.code.findIndex((x) => this.trace.codes[x].name === name.name && this.trace.codes[x].line === name.line);
    if (call >= 0) this.go.call(call, 0, true);
  }

  key(e) { return this.list.key(e); }
}
