// The source of the selected call, with what is known of each line.

class Source {
  constructor(box) { this.box = box; this.file = null; }

  // show shows call i of trace t; line is the line to mark, 0 for the one where
  // it ended.
  show(t, i, line) {
    const c = t.calls, code = t.codes[c.code[i]], file = t.files[code.file];
    const notes = this.notes(t, i);
    const mark = line || this.chief(t, i) || code.line;
    this.box.replaceChildren();
    const head = el('div', 'head');
    head.append(el('b', '', file.name), el('span', 'x', ' line ' + mark));
    this.box.append(head);
    if (!file.source) {
      const table = el('div', 'code');
      table.append(el('p', 'x', 'The source is not in this page.' + (notes.size ? ' What is known of its lines:' : '')));
      for (const [n, list] of [...notes].sort((a, b) => a[0] - b[0])) table.append(this.row(n, el('span'), list, n === mark, false));
      this.box.append(table);
      return;
    }
    const ran = new Set(file.executed || []), lines = file.source.split('\n');
    const own = this.ownLines(t, i);
    const table = el('div', 'code'), rows = [];
    const from = lines.length > 3000 ? Math.max(0, mark - 700) : 0, to = lines.length > 3000 ? Math.min(lines.length, mark + 700) : lines.length;
    python(lines.slice(from, to), (k) => {
      const n = from + k + 1, text = el('span', 'text');
      const row = this.row(n, text, notes.get(n), n === mark, ran.has(n) || own.has(n));
      if (own.has(n)) row.classList.add('own');
      rows[n] = row;
      table.append(row);
      return text;
    });
    this.box.append(table);
    const at = rows[mark];
    if (at) this.box.scrollTop = at.offsetTop - this.box.clientHeight / 2.5;
  }

  row(n, text, notes, marked, ran) {
    const row = el('div', 'src' + (marked ? ' current' : '') + (ran ? ' ran' : ''));
    row.dataset.line = n;
    const number = el('span', 'n', String(n));
    if (ran) number.title = 'this line ran';
    row.append(number, text);
    if (notes) {
      const box = el('span', 'notes');
      notes.slice(0, 3).forEach(([kind, value]) => box.append(values(el('span', 'about ' + kind), value, 160)));
      if (notes.length > 3) box.append(el('span', 'about x', '… ' + (notes.length - 3) + ' more'));
      row.append(box);
    }
    return row;
  }

  // chief is the line that tells most: where it raised, else where it ended.
  chief(t, i) {
    const c = t.calls, e = t.events;
    for (let k = c.event[i]; k < c.event[i + 1]; k++) if (e.kind[k] === 'raise') return e.line[k];
    for (let k = c.event[i]; k < c.event[i + 1]; k++) if (e.kind[k] === 'handled') return e.line[k];
    return c.line[i];
  }

  // ownLines are the lines that this call is known to have run.
  ownLines(t, i) {
    const c = t.calls, own = new Set();
    for (let k = c.event[i]; k < c.event[i + 1]; k++) own.add(t.events.line[k]);
    for (const kid of t.kidsOf(i)) own.add(c.from[kid]);
    own.add(c.line[i]);
    own.delete(0);
    return own;
  }

  // notes are what the call did, by line.
  notes(t, i) {
    const c = t.calls, e = t.events, out = new Map();
    const note = (line, kind, text) => {
      if (!line) return;
      const list = out.get(line);
      list ? list.push([kind, text]) : out.set(line, [[kind, text]]);
    };
    if (c.args[i].length) note(t.codes[c.code[i]].line, 'arg', t.args(i));
    const set = new Map(); // line → variable → the values that it got there
    for (let k = c.event[i]; k < c.event[i + 1]; k++) {
      const text = t.strings[e.text[k]];
      switch (e.kind[k]) {
        case 'raise': note(e.line[k], 'bad', '! ' + text); break;
        case 'handled': note(e.line[k], 'warn', '~ ' + text); break;
        case 'yield': note(e.line[k], 'ret', 'yields ' + text); break;
        case 'set': case 'br': {
          const [name, value] = e.kind[k] === 'br' ? ['', text] : split(text);
          const line = set.get(e.line[k]) || set.set(e.line[k], new Map()).get(e.line[k]);
          line.has(name) ? line.get(name).push(value) : line.set(name, [value]);
          break;
        }
      }
    }
    for (const [line, vars] of set) for (const [name, list] of vars) note(line, 'set', series(name, list));
    const kids = t.kidsOf(i);
    for (let k = 0; k < kids.length && k < 2000; k++) {
      const kid = kids[k];
      note(c.from[kid], 'call', t.name(kid) + (c.left[kid] ? ' ✗ ' + t.strings[c.left[kid]] : c.result[kid] ? ' → ' + t.strings[c.result[kid]] : ''));
    }
    if (c.result[i]) note(c.line[i], 'ret', 'returns ' + t.strings[c.result[i]]);
    return out;
  }
}

// series tells the values that a variable got at a line, one after the other.
function series(name, list) {
  const shown = list.length > 7 ? [...list.slice(0, 5), '…', list[list.length - 1]] : list;
  return (name ? name + ' = ' : '') + shown.join(' · ') + (list.length > 7 ? '  (' + list.length + ' times)' : '');
}
