// A list of many lines of which only those in sight are elements.

const lineHeight = 23;

class List {
  // source has count(), line(i, element), key(event, i) and select(i).
  constructor(source, role, label) {
    this.source = source;
    this.box = el('div', 'list');
    this.box.tabIndex = 0;
    this.box.setAttribute('role', role);
    this.box.setAttribute('aria-label', label);
    this.body = el('div', 'body');
    this.box.append(this.body);
    this.selected = -1;
    this.pool = new Map();
    this.box.addEventListener('scroll', () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.box.addEventListener('click', (e) => {
      const line = e.target.closest('.line');
      if (!line || e.target.closest('.id')) return;
      const i = Number(line.dataset.i);
      this.select(i);
      if (e.target.closest('.twist')) source.toggle?.(i);
    });
    this.box.addEventListener('dblclick', (e) => {
      const line = e.target.closest('.line');
      if (line && !e.target.closest('.twist, .id')) source.toggle?.(Number(line.dataset.i));
    });
  }

  // changed draws anew what may have become different.
  changed() {
    this.body.style.height = this.source.count() * lineHeight + 'px';
    for (const e of this.pool.values()) e.remove();
    this.pool.clear();
    this.draw();
  }

  draw() {
    if (this.box.clientHeight === 0) return;
    const n = this.source.count();
    const from = Math.max(0, Math.floor(this.box.scrollTop / lineHeight) - 10);
    const to = Math.min(n, Math.ceil((this.box.scrollTop + this.box.clientHeight) / lineHeight) + 10);
    for (const [i, e] of this.pool) if (i < from || i >= to) { e.remove(); this.pool.delete(i); }
    for (let i = from; i < to; i++) {
      if (this.pool.has(i)) continue;
      const e = el('div', 'line');
      e.dataset.i = i;
      e.id = this.box.getAttribute('aria-label').replace(/\W/g, '') + i;
      e.style.transform = 'translateY(' + i * lineHeight + 'px)';
      this.source.line(i, e);
      if (i === this.selected) this.mark(e, true);
      this.pool.set(i, e);
      this.body.append(e);
    }
  }

  mark(e, on) {
    e.classList.toggle('selected', on);
    e.setAttribute('aria-selected', on);
    if (on) this.box.setAttribute('aria-activedescendant', e.id);
  }

  select(i) {
    if (i < 0 || i >= this.source.count()) return;
    const old = this.pool.get(this.selected);
    if (old) this.mark(old, false);
    this.selected = i;
    this.show(i);
    const e = this.pool.get(i);
    if (e) this.mark(e, true);
    this.source.selected(i);
  }

  // show scrolls so that line i is in sight, with some lines around it.
  show(i) {
    const top = i * lineHeight, view = this.box.clientHeight, now = this.box.scrollTop;
    if (top < now + lineHeight) this.box.scrollTop = top - Math.min(view / 3, 3 * lineHeight);
    else if (top + 2 * lineHeight > now + view) this.box.scrollTop = top - view + Math.min(view / 2, 4 * lineHeight);
    this.draw();
  }

  key(e) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / lineHeight) - 2), last = this.source.count() - 1;
    const to = { ArrowDown: this.selected + 1, j: this.selected + 1, ArrowUp: this.selected - 1, k: this.selected - 1,
      PageDown: this.selected + page, PageUp: this.selected - page, Home: 0, End: last }[e.key];
    if (to === undefined) return false;
    this.select(Math.max(0, Math.min(last, to)));
    return true;
  }
}
