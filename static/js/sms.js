// Counts a text while it is typed, by the alphabet that the server sent; what it says is replaced by the next save.
(() => {
  "use strict";
  const find = (selector) => document.querySelector(selector);
  const SIZES = { plain: [160, 153], dear: [70, 67] };

  function measure(text, { plain, doubled }) {
    const signs = [...text];
    const isPlain = signs.every((sign) => plain.includes(sign) || doubled.includes(sign));
    const costs = signs.map((sign) => (isPlain ? (doubled.includes(sign) ? 2 : 1) : sign.length));
    const units = costs.reduce((sum, cost) => sum + cost, 0);
    const [single, joined] = SIZES[isPlain ? "plain" : "dear"];
    if (units <= single) return { isPlain, units, parts: units ? 1 : 0, room: single };
    let parts = 1;
    let used = 0;
    for (const cost of costs) {
      if (used + cost > joined) { parts += 1; used = 0; }
      used += cost;
    }
    return { isPlain, units, parts, room: joined * parts };
  }

  function count() {
    const place = find("#sms-count");
    const text = find("#text")?.value ?? "";
    if (!place || text.includes("{{")) return; // values are the server's to know
    const { isPlain, units, parts, room } = measure(text, place.dataset);
    const say = (number) => number.toLocaleString("en");
    const bold = document.createElement("b");
    bold.textContent = `${say(parts)} ${parts === 1 ? "part" : "parts"}`;
    const rest = document.createElement("span");
    rest.textContent = `${say(units)} of ${say(room)} characters, ${isPlain ? "plain SMS" : "with signs beyond plain SMS"}`;
    place.replaceChildren(bold, " ", rest);
  }

  document.addEventListener("input", (event) => { if (event.target.id === "text") count(); });
  // A button that replaces a sign goes with it: the focus stays with the preview, and the person sees what is left.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.elt?.name !== "replace" || document.activeElement !== document.body) return;
    (find("button[name='replace']") ?? find("[data-stage]"))?.focus();
  });
})();
