// The trace as it stands in the page: columns, and the indexes over them.

const data = JSON.parse(document.getElementById('data').textContent);

class Trace {
  constructor(raw, index) {
    Object.assign(this, raw);
    this.index = index;
    const c = raw.calls;
    this.n = c.id.length;
    // The calls below a call: kids[kid[i]] … kids[kid[i+1]-1].
    this.kid = new Int32Array(this.n + 1);
    for (let i = 0; i < this.n; i++) if (c.parent[i] >= 0) this.kid[c.parent[i] + 1]++;
    for (let i = 0; i < this.n; i++) this.kid[i + 1] += this.kid[i];
    this.kids = new Int32Array(this.kid[this.n]);
    const at = this.kid.slice();
    for (let i = 0; i < this.n; i++) if (c.parent[i] >= 0) this.kids[at[c.parent[i]]++] = i;
    this.folds = new Map();
    for (const [first, period, times] of c.fold) this.folds.set(first, [period, times]);
    this.groupOf = new Map();
    raw.groups.forEach((g, i) => g.roots.forEach((r) => this.groupOf.set(r, i)));
  }

  // callOf returns the call that a record is of, or -1.
  callOf(record) {
    if (!this.byRecord) {
      this.byRecord = new Map();
      const c = this.calls, e = this.events;
      for (let i = 0; i < this.n; i++) {
        for (let k = c.event[i]; k < c.event[i + 1]; k++) this.byRecord.set(e.record[k], i);
        if (c.start[i]) this.byRecord.set(c.start[i], i);
        if (c.end[i]) this.byRecord.set(c.end[i], i);
      }
    }
    return this.byRecord.get(record) ?? -1;
  }

  name(i) { return this.codes[this.calls.code[i]].name; }
  file(i) { return this.files[this.codes[this.calls.code[i]].file]; }
  place(i) {
    const code = this.codes[this.calls.code[i]];
    return this.files[code.file].name + ':' + code.line;
  }

  // args returns the arguments as one text.
  args(i) {
    const a = this.calls.args[i], s = this.strings;
    let out = '';
    for (let k = 0; k < a.length; k += 2) out += (k ? ', ' : '') + s[a[k]] + '=' + s[a[k + 1]];
    return out;
  }

  isModule(i) { return this.codes[this.calls.code[i]].kind === 'module'; }

  kidsOf(i) { return this.kids.subarray(this.kid[i], this.kid[i + 1]); }

  // search returns the calls whose name, values or exceptions hold the query,
  // as marks 0 and 1. A query such as #3 finds an identity.
  search(query) {
    const hit = new Uint8Array(this.n), c = this.calls, e = this.events;
    const id = /^#\d+$/.test(query) ? '\x01' + query + '\x02' : '';
    const q = query.toLowerCase();
    const has = id ? (s) => s.includes(id) : (s) => s.toLowerCase().replace(/[\x01\x02]/g, '').includes(q);
    const str = new Uint8Array(this.strings.length);
    this.strings.forEach((s, k) => { if (has(s)) str[k] = 1; });
    const code = this.codes.map((x) => !id && (has(x.name) || has(this.files[x.file].name)));
    for (let i = 0; i < this.n; i++) {
      let h = code[c.code[i]] || str[c.result[i]] || str[c.left[i]] || (!id && c.id[i] === query);
      const a = c.args[i];
      for (let k = 0; !h && k < a.length; k++) h = str[a[k]];
      for (let k = c.event[i]; !h && k < c.event[i + 1]; k++) h = str[e.text[k]];
      if (h) hit[i] = 1;
    }
    return hit;
  }
}

const traces = data.traces.map((t, i) => new Trace(t, i));
