// Text as elements. Nothing here makes markup out of data.

function el(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

const valueToken = /\x01(#\d+)\x02|('(?:[^'\\…\x01]|\\.)*(?:…?')?|"(?:[^"\\…\x01]|\\.)*(?:…?")?)|\b(None|True|False)\b|(-?\b\d[\w.]*)|(…)/g;

// values appends a value's text to e, at most limit characters, with its parts
// coloured and identities as buttons.
function values(e, text, limit) {
  let end = text.length, cut = false;
  if (limit && end > limit) { end = limit; cut = true; }
  let at = 0, m;
  valueToken.lastIndex = 0;
  while ((m = valueToken.exec(text)) && m.index < end) {
    if (m.index > at) e.append(text.slice(at, m.index));
    at = valueToken.lastIndex;
    if (m[1]) e.append(identity(m[1]));
    else e.append(el('span', m[2] ? 's' : m[3] ? 'k' : m[4] ? 'd' : 'x', m[0]));
  }
  if (at < end) e.append(text.slice(at, end).replace(/[\x01\x02]/g, ''));
  if (cut) e.append(el('span', 'x', '…'));
  return e;
}

function identity(tag) {
  const b = el('span', 'id', tag);
  b.dataset.id = tag;
  b.style.setProperty('--hue', (Number(tag.slice(1)) * 137) % 360);
  b.title = 'the same object wherever ' + tag + ' stands; click to find it';
  return b;
}

function plain(text) { return text.replace(/[\x01\x02]/g, ''); }

function micros(us) {
  if (us < 1000) return us + 'µs';
  if (us < 1e6) return (us / 1e3).toFixed(us < 1e4 ? 2 : 1) + 'ms';
  return (us / 1e6).toFixed(2) + 's';
}

const pyToken = /(#.*$)|((?:\b[rRbBuUfF]{1,2})?(?:'''|"""|'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?))|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|False|match|case)\b|\b(\d[\w.]*)/g;

// python appends lines of source to rows, coloured. A string over several lines
// is carried from one to the next.
function python(lines, row) {
  let open = '';
  lines.forEach((line, i) => {
    const e = row(i);
    let at = 0;
    if (open) {
      const end = line.indexOf(open);
      at = end < 0 ? line.length : end + 3;
      if (at) e.append(el('span', 's', line.slice(0, at)));
      if (end < 0) return;
      open = '';
    }
    pyToken.lastIndex = at;
    let m;
    while ((m = pyToken.exec(line))) {
      if (m.index > at) e.append(line.slice(at, m.index));
      at = pyToken.lastIndex;
      if (m[2] && /('''|""")$/.test(m[2]) && m[2].replace(/^\w+/, '').length === 3) {
        const quote = m[2].slice(-3), end = line.indexOf(quote, at);
        if (end < 0) open = quote;
        at = end < 0 ? line.length : end + 3;
        e.append(el('span', 's', line.slice(m.index, at)));
        if (open) break;
        pyToken.lastIndex = at;
        continue;
      }
      e.append(el('span', m[1] ? 'c' : m[2] ? 's' : m[3] ? 'k' : 'd', m[0]));
    }
    if (at < line.length) e.append(line.slice(at));
  });
}
