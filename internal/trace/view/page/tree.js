// The call tree. Its lines are groups (threads), calls, and folds: calls in a
// row that look alike.

const isCall = 0, isFold = 1, isGroup = 2;

class Tree {
  constructor(trace, onSelect) {
    this.trace = trace;
    this.onSelect = onSelect;
    this.open = new Uint8Array(trace.n);
    this.openFolds = new Set();
    this.closedGroups = new Set();
    this.hits = null; // marks of calls that match the search
    this.only = null; // marks of calls that are shown, in a restricted view
    this.list = new List(this, 'tree', 'Calls');
    this.unfoldSome();
    this.flatten();
  }

  // unfoldSome opens the ways to exceptions, and the first levels.
  unfoldSome() {
    const t = this.trace, c = t.calls;
    let shown = 0, level = [];
    for (const g of t.groups) level.push(...g.roots.slice(0, 400));
    while (level.length && shown < 250) {
      const below = [];
      for (const i of level) {
        if (shown > 250) break;
        this.open[i] = 1;
        const kids = t.kidsOf(i);
        shown += Math.min(kids.length, 20);
        for (const k of kids) if (below.length < 400) below.push(k);
      }
      level = below;
    }
    let ways = 0;
    for (const x of t.exceptions) {
      if (ways++ > 50) break;
      for (let i = t.callOf(x[0]); i >= 0; i = c.parent[i]) this.open[i] = 1;
    }
  }

  flatten() {
    const t = this.trace, kind = [], id = [], depth = [];
    const stack = []; // lists to go on with
    const groups = t.groups.length > 1;
    for (let g = t.groups.length - 1; g >= 0; g--) stack.push({ group: g });
    const put = (k, i, d) => { kind.push(k); id.push(i); depth.push(d); };
    while (stack.length) {
      const s = stack[stack.length - 1];
      if (s.group !== undefined) {
        stack.pop();
        if (groups) put(isGroup, s.group, 0);
        if (!this.closedGroups.has(s.group)) {
          const roots = t.groups[s.group].roots;
          stack.push({ list: roots, at: 0, end: roots.length, depth: groups ? 1 : 0 });
        }
        continue;
      }
      if (s.at >= s.end) { stack.pop(); continue; }
      const i = s.list[s.at];
      const fold = s.inFold ? undefined : t.folds.get(i);
      if (fold && !this.only) {
        const n = fold[0] * fold[1];
        put(isFold, i, s.depth);
        s.at += n;
        if (this.openFolds.has(i)) stack.push({ list: s.list, at: s.at - n, end: s.at, depth: s.depth + 1, inFold: true });
        continue;
      }
      s.at++;
      if (this.only && !this.only[i]) continue;
      put(isCall, i, s.depth);
      if (this.open[i] && t.kid[i + 1] > t.kid[i]) {
        stack.push({ list: t.kids, at: t.kid[i], end: t.kid[i + 1], depth: s.depth + 1 });
      }
    }
    this.kind = kind; this.id = id; this.depth = depth;
    this.at = null;
    this.list.changed();
  }

  count() { return this.kind.length; }

  foldable(i) {
    const t = this.trace, id = this.id[i];
    return this.kind[i] !== isCall || t.kid[id + 1] > t.kid[id];
  }

  opened(i) {
    const id = this.id[i];
    return this.kind[i] === isCall ? !!this.open[id] : this.kind[i] === isFold ? this.openFolds.has(id) : !this.closedGroups.has(id);
  }

  toggle(i, to) {
    if (!this.foldable(i)) return;
    const id = this.id[i], open = to ?? !this.opened(i);
    if (this.kind[i] === isCall) this.open[id] = open ? 1 : 0;
    else if (this.kind[i] === isFold) open ? this.openFolds.add(id) : this.openFolds.delete(id);
    else open ? this.closedGroups.delete(id) : this.closedGroups.add(id);
    this.flatten();
    this.list.select(i);
  }

  line(i, e) {
    const id = this.id[i], kind = this.kind[i], depth = this.depth[i];
    e.setAttribute('role', 'treeitem');
    e.setAttribute('aria-level', depth + 1);
    e.style.paddingLeft = 6 + Math.min(depth, 30) * 14 + 'px';
    const twist = el('span', 'twist', this.foldable(i) ? (this.opened(i) ? '▾' : '▸') : '');
    if (this.foldable(i)) e.setAttribute('aria-expanded', this.opened(i));
    e.append(twist);
    if (depth > 30) e.append(el('span', 'deep', String(depth)));
    if (kind === isGroup) {
      e.classList.add('group');
      e.append(el('span', 'what', this.trace.groups[id].name));
    } else if (kind === isFold) this.foldLine(id, e);
    else {
      if (this.hits && this.hits[id]) e.classList.add('hit');
      callLine(this.trace, id, e);
    }
  }

  foldLine(id, e) {
    const [period, times] = this.trace.folds.get(id);
    e.classList.add('fold');
    e.append(el('span', 'times', times + '×'));
    if (period > 1) {
      const names = [];
      const siblings = this.siblings(id), at = siblings.indexOf(id);
      for (let k = 0; k < period; k++) names.push(this.trace.name(siblings[at + k]));
      e.append(el('span', 'what', 'loop of ' + names.join(', ')));
      if (this.hits) this.foldHits(e, siblings, at, period * times);
      return;
    }
    const siblings = this.siblings(id), at = siblings.indexOf(id);
    const last = siblings[at + times - 1];
    if (this.hits) this.foldHits(e, siblings, at, times);
    callLine(this.trace, id, e, last);
  }

  foldHits(e, siblings, at, n) {
    for (let k = 0; k < n; k++) if (this.hits[siblings[at + k]]) { e.classList.add('hit'); return; }
  }

  siblings(id) {
    const p = this.trace.calls.parent[id];
    return p >= 0 ? this.trace.kidsOf(p) : this.trace.groups[this.trace.groupOf.get(id)].roots;
  }

  selected(i) {
    const id = this.id[i];
    this.current = this.kind[i] === isGroup ? -1 : id;
    if (this.kind[i] !== isGroup) this.onSelect(this.trace, id);
  }

  // reveal opens what hides a call and selects it.
  reveal(call) {
    const t = this.trace;
    if (call < 0 || call >= t.n) return;
    if (this.only && !this.only[call]) this.only = null;
    let top = call;
    for (let i = call; i >= 0; i = t.calls.parent[i]) {
      top = i;
      if (i !== call) this.open[i] = 1;
      this.openFoldOf(i);
    }
    if (t.groupOf.has(top)) this.closedGroups.delete(t.groupOf.get(top));
    this.flatten();
    this.list.select(this.rowOf(call));
  }

  // openFoldOf opens the fold that a call is in, if it is.
  openFoldOf(call) {
    const siblings = this.siblings(call);
    if (!siblings) return;
    if (!this.foldIndex) this.foldIndex = new Map();
    const p = this.trace.calls.parent[call] >= 0 ? this.trace.calls.parent[call] : -1 - this.trace.groupOf.get(call);
    let list = this.foldIndex.get(p);
    if (!list) {
      list = [];
      for (let k = 0; k < siblings.length;) {
        const f = this.trace.folds.get(siblings[k]), n = f ? f[0] * f[1] : 1;
        if (f) list.push([siblings[k], siblings[k + n - 1]]);
        k += n;
      }
      this.foldIndex.set(p, list);
    }
    for (const [first, last] of list) if (call >= first && call <= last) this.openFolds.add(first);
  }

  rowOf(call) {
    if (!this.at) {
      this.at = new Map();
      for (let i = 0; i < this.kind.length; i++) if (this.kind[i] === isCall || !this.at.has(this.id[i])) this.at.set(this.id[i], i);
    }
    return this.at.get(call) ?? -1;
  }

  // restrict shows only matches and the ways to them; null shows all.
  restrict(marks) {
    this.only = null;
    if (marks) {
      const p = this.trace.calls.parent;
      this.only = marks.slice();
      for (let i = this.trace.n - 1; i >= 0; i--) {
        if (this.only[i] && p[i] >= 0) { this.only[p[i]] = 1; this.open[p[i]] = 1; }
      }
    }
    this.flatten();
  }

  unfoldAll(i) {
    const t = this.trace;
    if (this.kind[i] === isGroup) return;
    const todo = [this.id[i]];
    for (let n = 0; todo.length && n < 20000; n++) {
      const c = todo.pop();
      this.open[c] = 1;
      for (const k of t.kidsOf(c)) todo.push(k);
    }
    this.flatten();
    this.list.select(i);
  }

  key(e) {
    const l = this.list, i = l.selected;
    if (l.key(e)) return true;
    switch (e.key) {
      case 'Enter': case ' ': this.toggle(i); return true;
      case '*': this.unfoldAll(i); return true;
      case 'ArrowRight':
        if (this.foldable(i) && !this.opened(i)) this.toggle(i, true); else l.select(i + 1);
        return true;
      case 'ArrowLeft':
        if (this.foldable(i) && this.opened(i)) { this.toggle(i, false); return true; }
        for (let k = i - 1; k >= 0; k--) if (this.depth[k] < this.depth[i]) { l.select(k); break; }
        return true;
    }
    return false;
  }
}

// callLine fills a line with a call, and the last call of a fold.
function callLine(t, i, e, last) {
  const c = t.calls;
  const sig = el('span', 'sig');
  signature(t, i, sig);
  if (last !== undefined && last !== i) {
    sig.append(el('span', 'x', '  …  '));
    signature(t, last, sig);
  }
  e.append(sig);
  const badges = el('span', 'badges');
  if (c.flags[i] & 1) badges.append(el('span', 'badge bad', 'raises'));
  if (c.flags[i] & 2) badges.append(el('span', 'badge warn', 'swallows'));
  if (c.flags[i] & 4) badges.append(changeBadge(t, i));
  if (c.task[i] && (c.parent[i] < 0 || c.task[c.parent[i]] !== c.task[i])) badges.append(el('span', 'badge', t.strings[c.task[i]]));
  e.append(badges, el('span', 'place', t.place(i)), el('span', 'time', c.end[i] ? micros(c.total[i]) : ''));
}

// changeBadge names the first thing that a call changed.
function changeBadge(t, i) {
  const c = t.calls, e = t.events, all = [];
  for (let k = c.event[i]; k < c.event[i + 1]; k++) if (e.kind[k] === 'changed') all.push(t.strings[e.text[k]]);
  const path = (all[0] || '').match(/^[\w.[\]']*(\x01#\d+\x02)?/)[0];
  const b = values(el('span', 'badge note'), '✎ ' + path, 40);
  b.title = all.map(plain).join('\n');
  return b;
}

// signature appends name(arguments) → value. Where there is no room for all of
// it the arguments give way first, then the name, and the value last.
function signature(t, i, e) {
  const c = t.calls;
  e.append(part('name', t.name(i), 24, 26));
  if (!t.isModule(i)) {
    e.append(el('span', 'p', '('));
    const args = c.brief[i] ? t.strings[c.brief[i]] : t.args(i);
    if (args) e.append(values(part('args', '', 24, 22, args.length), args, 600));
    e.append(el('span', 'p', ')'));
  }
  if (c.left[i]) e.append(part('left bad', ' ✗ ' + t.strings[c.left[i]], 24, 30));
  else if (c.result[i]) {
    const result = t.strings[c.result[i]];
    e.append(el('span', 'p', ' → '), values(part('result', '', 24, 30, result.length), result, 300));
  } else e.append(el('span', 'x', ' ⋯'));
}

// part is a part of a signature that may be cut: to no less than so many
// characters, where it has them, and percent of the room.
function part(className, text, least, percent, length) {
  const e = el('span', 'part ' + className, text);
  e.style.minWidth = 'min(' + Math.min(length ?? text.length, least) + 'ch, ' + percent + '% * var(--share, 1))';
  return e;
}
