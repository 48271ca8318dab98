// Keeps a run's page live: appends ledger lines as they arrive and reloads the
// page's content when a stage ends.
"use strict";
const live = document.querySelector("[data-live]");
if (live) {
  const source = new EventSource(live.dataset.live);
  const append = (e) => {
    const line = JSON.parse(e.data);
    const row = document.createElement("tr");
    for (const text of [line.time, line.stage, line.text]) {
      const cell = document.createElement("td");
      cell.textContent = text;
      row.append(cell);
    }
    document.querySelector("#log tbody")?.append(row);
  };
  const refresh = async () => {
    const page = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
    const open = new Set([...document.querySelectorAll("details[open]")].map((d) => d.id));
    document.querySelector("main").replaceWith(fresh.querySelector("main"));
    for (const d of document.querySelectorAll("details")) {
      if (open.has(d.id)) d.open = true;
    }
  };
  source.addEventListener("line", append);
  source.addEventListener("stage", (e) => { append(e); refresh(); });
  source.addEventListener("end", () => { source.close(); refresh(); });
}
