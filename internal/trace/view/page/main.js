// The page: views on the left, the selected call on the right.

const $ = (id) => document.getElementById(id);
const source = new Source($('source'));
const state = { trace: 0, view: '', views: [], selected: null };

function show(t, i, line) {
  state.selected = { t, i };
  $('detail').replaceChildren(callDetail(t, i, goIn(t)));
  $('detail').scrollTop = 0;
  source.show(t, i, line || 0);
}

function goIn(t) {
  return {
    line: (n) => source.show(t, state.selected.i, n),
    // call goes to a call in the tree; stay keeps the view that is shown.
    call: (i, line, stay) => {
      if (!stay) open(t.index, 'calls');
      trees[t.index].reveal(i);
      if (line) source.show(t, i, line);
    },
    record: (r, stay) => {
      const i = t.callOf(r);
      if (i < 0) return;
      goIn(t).call(i, 0, stay);
      const c = t.calls, e = t.events;
      for (let k = c.event[i]; k < c.event[i + 1]; k++) {
        if (e.record[k] === r && e.line[k]) { source.show(t, i, e.line[k]); return; }
      }
    },
  };
}

const trees = traces.map((t) => new Tree(t, show));
const others = traces.map((t) => ({ exceptions: new Exceptions(t, goIn(t)), findings: new Findings(t, goIn(t)), functions: new Functions(t, goIn(t)) }));
const comparison = data.compare ? new Compare((red, green) => {
  const sides = el('div', 'sides');
  [[red, green], [green, red]].forEach(([i, j], n) => {
    const t = traces[n], o = traces[1 - n], side = el('div', n ? 'green' : 'red');
    side.append(el('h4', '', n ? 'green' : 'red'));
    side.append(i >= 0 ? callDetail(t, i, goIn(t), j >= 0 ? { t: o, i: j } : null) : el('p', 'x', 'no such call'));
    sides.append(side);
  });
  const t = red >= 0 ? traces[0] : traces[1], i = red >= 0 ? red : green;
  state.selected = { t, i };
  $('detail').replaceChildren(sides);
  source.show(t, i, 0);
}) : null;

// views lists what the tabs show for the present trace.
function viewsOf(n) {
  const t = traces[n], o = others[n], out = [];
  if (comparison) {
    const box = el('div', 'comparison'), said = el('p', 'said', data.compare.text);
    if (data.compare.first >= 0) {
      const b = el('button', 'link', 'go there');
      b.addEventListener('click', () => comparison.toFirst());
      said.append(' ', b);
    }
    box.append(said, comparison.list.box);
    out.push({ name: 'compare', label: 'Compare', box, view: comparison });
  }
  out.push({ name: 'calls', label: 'Calls ' + t.n, box: trees[n].list.box, view: trees[n] });
  out.push({ name: 'findings', label: 'Findings ' + t.findings.length, box: o.findings.box, view: o.findings });
  out.push({ name: 'exceptions', label: 'Exceptions ' + t.exceptions.length, box: o.exceptions.list.box, view: o.exceptions });
  out.push({ name: 'functions', label: 'Functions ' + t.counts.length, box: o.functions.box, view: o.functions });
  return out;
}

function open(n, name) {
  if (n !== state.trace || !state.views.length) {
    state.trace = n;
    state.views = viewsOf(n);
    $('summary').textContent = traces[n].summary;
    $('notes').replaceChildren(...traces[n].notes.map((x) => el('li', '', x)));
    $('notes').hidden = !traces[n].notes.length;
    for (const b of $('which').children) b.setAttribute('aria-checked', Number(b.dataset.n) === n);
  } else if (name === state.view) return;
  state.view = name;
  const view = state.views.find((v) => v.name === name) || state.views[0];
  $('tabs').replaceChildren(...state.views.map((v, i) => {
    const b = el('button', '', v.label);
    b.setAttribute('role', 'tab');
    b.setAttribute('aria-selected', v === view);
    b.dataset.view = v.name;
    b.title = 'key ' + (i + 1);
    b.addEventListener('click', () => open(state.trace, v.name));
    return b;
  }));
  $('panels').replaceChildren(view.box);
  view.view.list?.draw();
  if (view.view.list && view.view.list.selected >= 0) view.view.list.show(view.view.list.selected);
}

const current = () => (state.views.find((v) => v.name === state.view) || state.views[0]).view;

// ---- search ------------------------------------------------------------------

let timer = 0;

function search() {
  const query = $('query').value.trim(), tree = trees[state.trace];
  tree.hits = query ? tree.trace.search(query) : null;
  if (!tree.hits && $('only').checked) $('only').checked = false;
  state.found = [];
  if (tree.hits) for (let i = 0; i < tree.hits.length; i++) if (tree.hits[i]) state.found.push(i);
  $('hits').textContent = query ? state.found.length + (state.found.length === 1 ? ' call' : ' calls') : '';
  tree.restrict($('only').checked ? tree.hits : null);
}

function step(by) {
  const tree = trees[state.trace], found = state.found || [];
  if (!found.length) return;
  const now = tree.current ?? -1;
  let k = by > 0 ? found.findIndex((i) => i > now) : found.findLastIndex((i) => i < now);
  if (k < 0) k = by > 0 ? 0 : found.length - 1;
  open(state.trace, 'calls');
  tree.reveal(found[k]);
  $('hits').textContent = (k + 1) + ' of ' + found.length;
}

function find(text) {
  $('query').value = text;
  if (state.view === 'compare') open(state.trace, 'calls');
  search();
}

$('query').addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(search, 120); });
$('find').addEventListener('submit', (e) => { e.preventDefault(); clearTimeout(timer); search(); step(1); });
$('only').addEventListener('change', search);
$('next').addEventListener('click', () => step(1));
$('prev').addEventListener('click', () => step(-1));
$('keys').addEventListener('click', () => $('help').showModal());

// ---- identities --------------------------------------------------------------

document.addEventListener('click', (e) => {
  const id = e.target.closest?.('.id');
  if (id) { find(id.dataset.id); step(1); }
});
document.addEventListener('mouseover', (e) => {
  const id = e.target.closest?.('.id');
  for (const x of document.querySelectorAll('.id.same')) x.classList.remove('same');
  if (id) for (const x of document.querySelectorAll('.id[data-id="' + id.dataset.id + '"]')) x.classList.add('same');
});

// ---- keys --------------------------------------------------------------------

function exception(by) {
  const t = traces[state.trace], list = t.exceptions;
  if (!list.length) return;
  state.exception = ((state.exception ?? (by > 0 ? -1 : 0)) + by + list.length) % list.length;
  open(state.trace, 'calls');
  goIn(t).record(list[state.exception][0]);
}

document.addEventListener('keydown', (e) => {
  if ($('help').open || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.target === $('query')) {
    if (e.key === 'Escape') { $('query').value = ''; search(); e.target.blur(); }
    return;
  }
  if (e.target === $('split') && (e.key === 'ArrowLeft' || e.key === 'ArrowRight')) {
    width(state.width + (e.key === 'ArrowLeft' ? -3 : 3));
    e.preventDefault();
    return;
  }
  if (e.target.closest('button, input, summary') && (e.key === 'Enter' || e.key === ' ')) return;
  if (e.target.closest('#detail, #source') && /^(Arrow|Page|Home|End)/.test(e.key)) return;
  const acts = { '/': () => { $('query').focus(); $('query').select(); }, n: () => step(1), N: () => step(-1), e: () => exception(1), E: () => exception(-1),
    f: () => { open(state.trace, 'findings'); current().step(1); }, F: () => { open(state.trace, 'findings'); current().step(-1); },
    o: () => { $('only').checked = !$('only').checked; search(); }, '?': () => $('help').showModal(), Escape: () => find('') };
  if (acts[e.key]) acts[e.key]();
  else if (/^[1-9]$/.test(e.key) && state.views[e.key - 1]) open(state.trace, state.views[e.key - 1].name);
  else if (!current().key?.(e)) return;
  e.preventDefault();
});

// ---- the width of the views ----------------------------------------------------

function width(percent) {
  state.width = Math.max(20, Math.min(85, percent));
  document.querySelector('main').style.setProperty('--left', state.width + '%');
}

$('split').addEventListener('pointerdown', (e) => { e.target.setPointerCapture(e.pointerId); e.preventDefault(); });
$('split').addEventListener('pointermove', (e) => { if (e.buttons) width((e.clientX / innerWidth) * 100); });

// ---- begin ---------------------------------------------------------------------

width(62);
$('title').textContent = data.title;
if (traces.length > 1) {
  $('which').hidden = false;
  traces.forEach((t, n) => {
    const b = el('button', t.label, t.label);
    b.setAttribute('role', 'radio');
    b.dataset.n = n;
    b.addEventListener('click', () => { open(n, state.view === 'compare' ? 'calls' : state.view); search(); });
    $('which').append(b);
  });
}
open(0, comparison ? 'compare' : 'calls');
if (comparison && data.compare.first >= 0) comparison.toFirst();
else if (comparison) comparison.list.select(0);
else {
  const bad = traces[0].exceptions.findLast((x) => !x[2]);
  if (bad) goIn(traces[0]).record(bad[0]);
  else trees[0].list.select(0);
}
current().list?.box.focus();
document.body.dataset.ready = '1';
