// Two traces side by side. Its lines are pairs of calls; equal ones in a row
// are folded.

const equal = 0, below = 1, differ = 2, onlyRed = 3, onlyGreen = 4;
const signs = ['', '', '≠', '−', '+'];
const statusText = ['equal, with all below', 'differs below', 'differs', 'only in red', 'only in green'];

class Compare {
  constructor(onSelect) {
    const p = data.compare, n = p.red.length;
    this.pairs = p;
    this.onSelect = onSelect;
    this.below = new Map();
    for (let i = 0; i < n; i++) {
      const list = this.below.get(p.parent[i]);
      list ? list.push(i) : this.below.set(p.parent[i], [i]);
    }
    this.open = new Set();
    for (let i = p.first >= 0 ? p.parent[p.first] : -1; i >= 0; i = p.parent[i]) this.open.add(i);
    for (let i = 0; i < Math.min(n, 200); i++) if (p.status[i] === below && (this.below.get(i) || []).length < 40) this.open.add(i);
    this.list = new List(this, 'tree', 'Compared');
    this.flatten();
  }

  // flatten makes the lines: {pair, red, green, depth, status} or {fold, …}.
  flatten() {
    const lines = [], p = this.pairs;
    const zip = (r, g, depth) => { // the calls below an equal pair
      const a = traces[0].kidsOf(r), b = traces[1].kidsOf(g);
      for (let k = 0; k < a.length; k++) {
        lines.push({ key: 'r' + a[k], red: a[k], green: b[k], depth, status: equal });
        if (this.open.has('r' + a[k])) zip(a[k], b[k], depth + 1);
      }
    };
    const walk = (parent, depth) => {
      const list = this.below.get(parent) || [];
      for (let k = 0; k < list.length;) {
        let end = k;
        while (end < list.length && p.status[list[end]] === equal) end++;
        const fold = 'f' + list[k];
        if (end - k >= 3) {
          lines.push({ key: fold, fold: end - k, depth, status: equal, first: list[k] });
          if (!this.open.has(fold)) { k = end; continue; }
        }
        const deeper = end - k >= 3 ? 1 : 0;
        const to = Math.max(end, k + 1);
        for (; k < to; k++) {
          const i = list[k];
          lines.push({ key: i, pair: i, red: p.red[i], green: p.green[i], depth: depth + deeper, status: p.status[i] });
          if (!this.open.has(i)) continue;
          if (p.status[i] === equal) zip(p.red[i], p.green[i], depth + deeper + 1);
          else if (p.status[i] >= onlyRed) this.single(lines, p.red[i], p.green[i], depth + deeper + 1, p.status[i]);
          else walk(i, depth + 1);
        }
      }
    };
    walk(-1, 0);
    this.lines = lines;
    this.list.changed();
  }

  // single adds the calls below one that only one run made.
  single(lines, red, green, depth, status) {
    const t = red >= 0 ? traces[0] : traces[1];
    for (const k of t.kidsOf(red >= 0 ? red : green)) {
      const key = (red >= 0 ? 'r' : 'g') + k;
      lines.push({ key, red: red >= 0 ? k : -1, green: red >= 0 ? -1 : k, depth, status });
      if (this.open.has(key)) this.single(lines, red >= 0 ? k : -1, red >= 0 ? -1 : k, depth + 1, status);
    }
  }

  count() { return this.lines.length; }

  foldable(i) {
    const l = this.lines[i];
    if (l.fold) return true;
    return (l.red >= 0 && traces[0].kidsOf(l.red).length > 0) || (l.green >= 0 && traces[1].kidsOf(l.green).length > 0);
  }

  toggle(i, to) {
    if (!this.foldable(i)) return;
    const key = this.lines[i].key;
    (to ?? !this.open.has(key)) ? this.open.add(key) : this.open.delete(key);
    this.flatten();
    this.list.select(i);
  }

  line(i, e) {
    const l = this.lines[i];
    e.setAttribute('role', 'treeitem');
    e.setAttribute('aria-level', l.depth + 1);
    e.classList.add('pair', 'status' + l.status);
    const first = l.pair === this.pairs.first && l.pair !== undefined;
    if (first) e.classList.add('first');
    e.append(el('span', 'sign', signs[l.status]));
    e.lastChild.title = statusText[l.status];
    const open = this.open.has(l.key);
    if (this.foldable(i)) e.setAttribute('aria-expanded', open);
    for (const side of [0, 1]) {
      const cell = el('span', 'cell ' + (side ? 'green' : 'red'));
      cell.style.paddingLeft = Math.min(l.depth, 20) * 14 + 'px';
      cell.append(el('span', 'twist', side === 0 && this.foldable(i) ? (open ? '▾' : '▸') : ''));
      const call = side ? l.green : l.red;
      const sig = el('span', 'sig');
      if (l.fold) sig.append(el('span', 'x', l.fold + ' equal calls'));
      else if (call >= 0) signature(traces[side], call, sig);
      else sig.append(el('span', 'x', '·'));
      cell.append(sig);
      e.append(cell);
    }
  }

  selected(i) {
    const l = this.lines[i];
    if (!l.fold) this.onSelect(l.red, l.green);
  }

  // toFirst goes to the pair in which the runs part.
  toFirst() {
    const i = this.lines.findIndex((l) => l.pair === this.pairs.first && l.pair !== undefined);
    if (i >= 0) this.list.select(i);
  }

  step(by) {
    for (let i = this.list.selected + by; i >= 0 && i < this.lines.length; i += by) {
      if (this.lines[i].status >= differ) { this.list.select(i); return; }
    }
  }

  key(e) {
    const l = this.list, i = l.selected;
    if (l.key(e)) return true;
    switch (e.key) {
      case 'Enter': case ' ': this.toggle(i); return true;
      case 'ArrowRight': this.open.has(this.lines[i]?.key) ? l.select(i + 1) : this.toggle(i, true); return true;
      case 'ArrowLeft':
        if (this.open.has(this.lines[i]?.key)) { this.toggle(i, false); return true; }
        for (let k = i - 1; k >= 0; k--) if (this.lines[k].depth < this.lines[i].depth) { l.select(k); break; }
        return true;
      case 'd': this.step(1); return true;
      case 'D': this.step(-1); return true;
    }
    return false;
  }
}
