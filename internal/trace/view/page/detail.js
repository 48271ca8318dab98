// What is known of the selected call.

function callDetail(t, i, go, other) {
  const c = t.calls, e = t.events, s = t.strings, box = el('div', 'call');
  const title = el('h2');
  title.append(el('span', 'name', t.name(i)), el('span', 'x', '  call ' + c.id[i]));
  box.append(title);
  const facts = el('p', 'facts');
  facts.append(t.place(i));
  if (c.parent[i] >= 0) {
    facts.append(' · called by ');
    const b = el('button', 'link', t.name(c.parent[i]) + (c.from[i] ? ' line ' + c.from[i] : ''));
    b.addEventListener('click', () => go.call(c.parent[i], c.from[i]));
    facts.append(b);
  }
  facts.append(' · at ' + micros(c.began[i]));
  if (c.end[i]) facts.append(' · took ' + micros(c.total[i]));
  if (c.below[i]) facts.append(' · ' + c.below[i] + ' calls below');
  if (c.task[i]) facts.append(' · ' + s[c.task[i]]);
  if (c.flags[i] & 8) facts.append(' · arguments as of an exception');
  box.append(facts);
  const table = el('table');
  const args = c.args[i], theirs = other ? argMap(other.t, other.i) : null;
  for (let k = 0; k < args.length; k += 2) {
    const differs = theirs && !sameText(theirs.get(s[args[k]]), s[args[k + 1]]);
    table.append(valueRow(s[args[k]], s[args[k + 1]], differs));
  }
  if (c.result[i]) table.append(valueRow('returned', s[c.result[i]], other && !sameText(other.t.strings[other.t.calls.result[other.i]], s[c.result[i]]), 'ret'));
  if (c.left[i]) table.append(valueRow('left by', s[c.left[i]], other && other.t.strings[other.t.calls.left[other.i]] !== s[c.left[i]], 'bad'));
  box.append(table);
  const events = el('ol', 'events'), told = other ? eventTexts(other.t, other.i) : null;
  let shown = 0, locals = null;
  for (let k = c.event[i]; k < c.event[i + 1]; k++) {
    if (e.kind[k] === 'local') { locals?.append(valueRow(...split(s[e.text[k]]))); continue; }
    if (inSource.has(e.kind[k])) continue;
    if (shown++ >= 200) { events.append(el('li', 'x', '… ' + (c.event[i + 1] - k) + ' more')); break; }
    const differs = told && !told.has(e.kind[k] + stripped(s[e.text[k]]));
    const li = el('li', 'event ' + e.kind[k] + (differs ? ' differs' : ''));
    const b = el('button', 'link', 'line ' + e.line[k]);
    const line = e.line[k];
    b.addEventListener('click', () => go.line(line));
    li.append(el('span', 'kind', kinds[e.kind[k]] || e.kind[k]), b);
    li.append(values(el('span', 'value'), s[e.text[k]]));
    if (e.kind[k] === 'raise') {
      const d = el('details'), sum = el('summary', '', 'variables there');
      locals = el('table');
      d.append(sum, locals);
      li.append(d);
    }
    events.append(li);
  }
  for (const d of events.querySelectorAll('details')) if (!d.querySelector('tr')) d.remove();
  if (events.children.length) box.append(events);
  return box;
}

// What the source shows beside its lines.
const inSource = new Set(['step', 'set', 'br']);

const kinds = { raise: 'raised', pass: 'got the exception', handled: 'swallowed', yield: 'suspended', resume: 'went on', changed: 'changed', snap: 'breakpoint' };

function split(text) {
  const at = text.indexOf(' = ');
  return [text.slice(0, at), text.slice(at + 3)];
}

function argMap(t, i) {
  const m = new Map(), a = t.calls.args[i];
  for (let k = 0; k < a.length; k += 2) m.set(t.strings[a[k]], t.strings[a[k + 1]]);
  return m;
}

// stripped is a value without identities, which differ from run to run.
function stripped(text) { return (text || '').replace(/\x01#\d+\x02/g, ''); }

function sameText(a, b) { return stripped(a) === stripped(b); }

function eventTexts(t, i) {
  const out = new Set(), c = t.calls, e = t.events;
  for (let k = c.event[i]; k < c.event[i + 1]; k++) out.add(e.kind[k] + stripped(t.strings[e.text[k]]));
  return out;
}

function valueRow(name, value, differs, kind) {
  const tr = el('tr', (differs ? 'differs ' : '') + (kind || ''));
  tr.append(el('th', '', name));
  const td = el('td');
  values(td, pretty(value));
  tr.append(td);
  return tr;
}

// pretty breaks a long value over lines at its outermost brackets.
function pretty(text) {
  if (plain(text).length < 90) return text;
  let out = '', depth = 0, quote = '';
  for (let i = 0; i < text.length; i++) {
    const ch = text[i];
    if (quote) {
      out += ch;
      if (ch === '\\') out += text[++i] ?? '';
      else if (ch === quote) quote = '';
      continue;
    }
    if (ch === "'" || ch === '"') { quote = ch; out += ch; continue; }
    if ('([{'.includes(ch)) {
      depth++;
      out += ch;
      if (depth <= 2 && !')]}'.includes(text[i + 1])) out += '\n' + '  '.repeat(depth);
      continue;
    }
    if (')]}'.includes(ch)) {
      if (depth <= 2 && !'([{'.includes(text[i - 1])) out += '\n' + '  '.repeat(Math.max(depth - 1, 0));
      depth--;
      out += ch;
      continue;
    }
    out += ch;
    if (ch === ',' && depth <= 2 && depth > 0) {
      out += '\n' + '  '.repeat(depth);
      if (text[i + 1] === ' ') i++;
    }
  }
  return out;
}
