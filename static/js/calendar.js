// The calendar by hand: arrows walk through the grid, a message is lifted and carried with the keys, or dragged.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const speak = (text) => document.dispatchEvent(new CustomEvent("speak", { detail: { text } }));
  const board = () => document.getElementById("calendar");
  const grid = () => document.querySelector(".cal-grid");
  const keysAreOn = () => localStorage.getItem("keys") !== "off";
  const HOLD = 500; // milliseconds a finger rests before it lifts
  const AWAY = 6; // pixels a mouse moves before it drags
  let held = null; // what is carried: the event, its own cell, the cell it is over
  let press = null; // a pointer that may become a drag
  let landed = ""; // whose place gets the focus when the calendar comes back
  let wasDragged = false; // the click after a drag opens nothing

  // --- walking -----------------------------------------------------------------------------------------------------
  const isSeen = (element) => element.getClientRects().length > 0;
  const stopsOf = (cell) => {
    const links = all("a", cell).filter(isSeen);
    return links.length ? links : [cell];
  };
  const rows = () => all("tbody tr", grid()).map((row) => all(".cal-cell", row));

  function placeOf(cell) {
    const table = rows();
    const row = table.findIndex((cells) => cells.includes(cell));
    return { table, row, column: row < 0 ? -1 : table[row].indexOf(cell) };
  }

  function neighbour(cell, down, across) {
    const { table, row, column } = placeOf(cell);
    let [y, x] = [row + down, column + across];
    if (table[0].length === 7 && !cell.closest(".cal-hours")) { // in a month a week goes on in the next row
      if (x < 0) [y, x] = [y - 1, 6];
      if (x > 6) [y, x] = [y + 1, 0];
    }
    const next = table[y]?.[x];
    return next && !next.dataset.at ? neighbour(next, down, across) : next; // an hour that clocks leave out
  }

  function settle(stop) {
    for (const each of all("a, .cal-cell", grid())) each.tabIndex = -1;
    if (stop) stop.tabIndex = 0;
  }

  function walk(event) {
    const cell = event.target.closest?.(".cal-cell");
    if (!cell) return false;
    const stops = stopsOf(cell);
    const at = stops.indexOf(event.target.closest("a") ?? cell);
    let next = null;
    if (event.key === "ArrowDown") next = stops[at + 1] ?? first(neighbour(cell, 1, 0));
    else if (event.key === "ArrowUp") next = at > 0 ? stops[at - 1] : last(neighbour(cell, -1, 0));
    else if (event.key === "ArrowLeft") next = first(neighbour(cell, 0, -1));
    else if (event.key === "ArrowRight") next = first(neighbour(cell, 0, 1));
    else if (event.key === "Home") next = first(placeOf(cell).table[placeOf(cell).row][0]);
    else if (event.key === "End") next = first(placeOf(cell).table[placeOf(cell).row].at(-1));
    else return false;
    if (next) next.focus();
    return true;
  }
  const first = (cell) => cell && stopsOf(cell)[0];
  const last = (cell) => cell && stopsOf(cell).at(-1);

  // --- carrying ----------------------------------------------------------------------------------------------------
  function lift(entry, isDragged) {
    const home = entry.closest(".cal-cell");
    held = { entry, home, cell: home, isDragged };
    entry.classList.add("is-lifted");
    grid().classList.add("is-lifting");
    if (!isDragged) speak(`${entry.dataset.title} is lifted from ${home.dataset.label}. Arrows carry it, Enter drops it, Escape returns it.`);
  }

  function carry(cell) {
    if (!held || !cell || cell === held.cell) return;
    held.cell.classList.remove("is-target");
    held.cell = cell;
    cell.classList.add("is-target");
    if (held.isDragged) return;
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    speak(`${wordsOf(cell)}${cell.dataset.past ? ", past: it cannot be dropped here" : ""}.`);
  }

  // In a month it keeps its time of day, among hours its minutes.
  const isHour = (cell) => cell.dataset.at.length > 10;
  const minutesOf = (cell) => {
    const [, begin] = cell.dataset.at.slice(11).split(":");
    const own = held.entry.dataset.time.slice(3);
    return own > begin ? own : begin;
  };
  const wallOf = (cell) => isHour(cell)
    ? `${cell.dataset.at.slice(0, 14)}${minutesOf(cell)}${cell.dataset.at.slice(16)}`
    : `${cell.dataset.at}T${held.entry.dataset.time}`;
  const wordsOf = (cell) => isHour(cell)
    ? `${cell.dataset.label.slice(0, -2)}${minutesOf(cell)}`
    : `${cell.dataset.label}, ${held.entry.dataset.time}`;

  function release() {
    held.entry.classList.remove("is-lifted");
    held.cell.classList.remove("is-target");
    grid().classList.remove("is-lifting");
    held = null;
  }

  function abandon() {
    const { entry } = held;
    release();
    speak(`${entry.dataset.title} is back where it was.`);
  }

  function drop() {
    const { entry, home, cell } = held;
    if (cell === home) { speak(`${entry.dataset.title} stays where it was.`); return release(); }
    if (cell.dataset.past) {
      const words = `${wordsOf(cell)} is past. Choose a later time.`;
      document.dispatchEvent(new CustomEvent("toast", { detail: { text: words, tone: "warning" } }));
      speak(words);
      if (held.isDragged) release();
      return;
    }
    const values = { to: wallOf(cell), was: entry.dataset.was };
    landed = entry.id;
    release();
    const address = `${entry.dataset.move}?${board().dataset.state.split("?")[1] ?? ""}`;
    htmx.ajax("POST", address, { source: entry, target: "#calendar", swap: "outerHTML", values });
  }

  document.addEventListener("keydown", (event) => {
    if (!grid() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (held && event.key === "Escape") { event.preventDefault(); abandon(); return; }
    if (held) {
      const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (step) carry(neighbour(held.cell, ...step));
      else if (event.key === "Enter" || event.key === " " || event.key === "m") drop();
      else if (event.key !== "Tab") return;
      else abandon();
      if (event.key !== "Tab") event.preventDefault();
      return;
    }
    if (!grid().contains(event.target)) return;
    const entry = event.target.closest(".cal-event");
    if (event.key === "m" && entry && keysAreOn()) {
      event.preventDefault();
      if (entry.dataset.move) lift(entry, false);
      else speak("This message cannot be moved.");
    } else if (walk(event)) event.preventDefault();
  });
  document.addEventListener("focusin", (event) => {
    const stop = event.target.closest?.(".cal-grid .cal-cell a, .cal-grid .cal-cell");
    if (stop) settle(stop);
  });
  document.addEventListener("focusout", (event) => {
    if (held && !held.isDragged && event.target === held.entry) abandon();
  });

  // --- dragging: a mouse at once, a finger after it rested ----------------------------------------------------------
  document.addEventListener("pointerdown", (event) => {
    wasDragged = false;
    const entry = event.target.closest?.(".cal-event[data-move]");
    if (!entry || event.button !== 0 || held) return;
    press = { entry, x: event.clientX, y: event.clientY, isTouch: event.pointerType === "touch", timer: 0 };
    if (press.isTouch) press.timer = setTimeout(() => { if (press) lift(press.entry, true); }, HOLD);
  });
  document.addEventListener("pointermove", (event) => {
    if (!press) return;
    const isFar = Math.hypot(event.clientX - press.x, event.clientY - press.y) > AWAY;
    if (!held && isFar) {
      if (press.isTouch) return forget(); // it scrolls
      lift(press.entry, true);
    }
    if (held) carry(cellAt(event.clientX, event.clientY) ?? held.cell);
  });
  document.addEventListener("pointerup", () => {
    if (held?.isDragged) { wasDragged = true; drop(); }
    forget();
  });
  document.addEventListener("pointercancel", () => {
    if (held?.isDragged) abandon();
    forget();
  });
  document.addEventListener("touchmove", (event) => { if (held?.isDragged) event.preventDefault(); }, { passive: false });
  document.addEventListener("contextmenu", (event) => { if (held?.isDragged) event.preventDefault(); });
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.(".cal-grid")) event.preventDefault(); });
  document.addEventListener("click", (event) => {
    if (wasDragged && event.target.closest?.(".cal-grid")) { event.preventDefault(); wasDragged = false; }
  }, true);

  function forget() {
    clearTimeout(press?.timer);
    press = null;
  }
  const cellAt = (x, y) => document.elementsFromPoint(x, y).map((each) => each.closest(".cal-cell[data-at]")).find(Boolean);

  // --- at the start, and when the calendar comes back ---------------------------------------------------------------
  function prepare() {
    if (!grid()) return;
    const help = document.getElementById("calendar-help");
    if (help) help.hidden = false;
    const entry = landed && document.getElementById(landed);
    landed = "";
    settle(entry || first(grid().querySelector(".cal-cell.is-today") ?? grid().querySelector(".cal-cell[data-at]:not([data-past])") ?? grid().querySelector(".cal-cell")));
    if (entry) entry.focus();
  }
  prepare();
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt.id === "calendar") prepare(); });
})();
