// The hand that writes: marks of Markdown and HTML, variables with what stands in for them, images. Works without.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const body = () => find("[data-main]"); // where one writes most
  const format = () => find("#format")?.value ?? "text";

  const MARKS = {
    markdown: { bold: ["**", "**"], italic: ["*", "*"], heading: ["## ", ""], list: ["- ", ""], link: ["[", "](https://)"], unsubscribe: ["[Unsubscribe]({{ unsubscribe_url }})", ""] },
    html: { bold: ["<b>", "</b>"], italic: ["<i>", "</i>"], heading: ["<h2>", "</h2>"], list: ["<ul>\n  <li>", "</li>\n</ul>"], link: ["<a href=\"https://\">", "</a>"], unsubscribe: ["<a href=\"{{ unsubscribe_url }}\">Unsubscribe</a>", ""] },
    text: { link: ["https://", ""], unsubscribe: ["Unsubscribe: {{ unsubscribe_url }}", ""] },
  };

  function insert(before, after, place = body()) {
    const { selectionStart: start, selectionEnd: end, value } = place;
    place.focus();
    place.setSelectionRange(start, end);
    const text = before + value.slice(start, end) + after;
    if (!document.execCommand("insertText", false, text)) place.setRangeText(text, start, end, "end"); // the first keeps Undo
    const at = after ? start + before.length : start + text.length;
    place.setSelectionRange(at, after ? at + (end - start) : at);
    place.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // --- the toolbar, and its keys ---------------------------------------------------------------------------------------
  function use(name) {
    const marks = MARKS[format()][name];
    if (!marks) return false;
    const place = body();
    const startsLine = format() === "markdown" && ["heading", "list"].includes(name);
    const needsBreak = startsLine && place.selectionStart > 0 && place.value[place.selectionStart - 1] !== "\n";
    insert((needsBreak ? "\n" : "") + marks[0], marks[1]);
    return true;
  }
  function offer() { // plain text knows no marks
    for (const tool of document.querySelectorAll("[data-insert]")) tool.hidden = !MARKS[format()]?.[tool.dataset.insert];
    for (const tool of document.querySelectorAll("[data-rich]")) tool.hidden = format() === "text";
  }
  document.addEventListener("click", (event) => { const tool = event.target.closest?.("[data-insert]"); if (tool) use(tool.dataset.insert); });
  const KEYS = { KeyB: "bold", KeyI: "italic", KeyK: "link" };
  const SHIFTED = { Digit2: "heading", Digit8: "list" };
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target !== body() || event.isComposing) return; // AltGr writes signs
    const name = (event.shiftKey ? SHIFTED : KEYS)[event.code];
    if (name && find(`[data-insert='${name}']`) && use(name)) event.preventDefault();
  });

  // --- variables: picking one asks what stands there when a person has no value ------------------------------------------
  let last = null; // where a variable goes: the field that one wrote in or clicked last; Tab passes others on its way
  let picked = "";
  let passes = false;
  const keep = (event) => { if (!passes && event.target.matches?.("[data-variables]")) last = event.target; };
  document.addEventListener("keydown", (event) => { passes = ["Tab", "Shift"].includes(event.key); keep(event); }, true);
  document.addEventListener("pointerdown", () => { passes = false; }, true);
  document.addEventListener("focusin", keep);
  const place = () => (last?.isConnected ? last : body());
  function ask(isAsked) {
    const box = find("[data-fallback]");
    box.hidden = !isAsked;
    if (!isAsked) return;
    find("[data-fallback-name]").textContent = picked;
    find("[data-fallback-words]").value = "";
    find("[data-fallback-words]").focus();
  }
  function insertPicked() {
    const words = find("[data-fallback-words]").value.replaceAll(/[{}|]/g, "").trim();
    ask(false);
    insert(`{{ ${picked} |${words ? ` ${words}` : ""} }}`, "", place());
  }
  function take(list) {
    picked = list.value;
    const isAlways = "always" in list.selectedOptions[0].dataset;
    list.value = "";
    if (isAlways) insert(`{{ ${picked} }}`, "", place()); else ask(true);
  }
  // Arrows and letters go from one variable to the next in the closed list: only Enter takes one then.
  let browses = false;
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("[data-variable]")) return;
    browses = !event.altKey && event.key !== " " && event.key !== "F4";
    if (event.key !== "Enter" || !event.target.value) return;
    event.preventDefault();
    take(event.target);
  });
  document.addEventListener("pointerdown", () => { browses = false; }, true);
  document.addEventListener("focusout", (event) => { if (event.target.matches?.("[data-variable]")) event.target.value = ""; });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("#format")) offer();
    if (!event.target.matches?.("[data-variable]") || !event.target.value) return;
    if (browses) find("#speaker").textContent = `Enter inserts ${event.target.value}`; else take(event.target);
  });
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-fallback-insert]")) insertPicked(); });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("[data-fallback-words]") || event.isComposing) return;
    if (event.key === "Enter") { event.preventDefault(); insertPicked(); }
    if (event.key === "Escape") { ask(false); place().focus(); }
  });
  // What is typed there is no part of the draft yet: it must not be saved, nor called unsaved.
  document.addEventListener("input", (event) => { if (event.target.matches?.("[data-fallback-words]")) event.stopPropagation(); }, true);

  // --- whoever changes the plain text writes it himself from then on ---------------------------------------------------
  document.addEventListener("input", (event) => {
    const own = find("#own_text");
    if (own && event.target.matches?.("[data-own-text]")) own.checked = true;
  }, true);

  // --- an image from the picker goes where one wrote last; the server puts it at the end of whatever does not show it ----
  let hasWritten = false;
  document.addEventListener("focusin", (event) => { if (event.target === body()) hasWritten = true; });
  function show(choice) {
    const id = choice.slice(choice.indexOf(":") + 1);
    const place = body();
    if (format() === "text" || place.value.includes(`cid:${id}`)) return;
    const name = find(`dialog#picker button[value="${CSS.escape(choice)}"]`)?.closest("li")?.querySelector(".picker-name")?.textContent ?? "";
    const words = name.replace(/\.[^.]*$/, "").replaceAll(/[-_.\s[\]\\`<>*"&]+/g, " ").trim();
    const image = format() === "html" ? `<img src="cid:${id}" alt="${words}">` : `![${words}](cid:${id})`;
    const at = hasWritten ? place.selectionEnd : place.value.length;
    const gap = !hasWritten && place.value.trim() ? "\n\n" : "";
    place.setRangeText(gap + image, at, at, "end");
  }
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "compose") return;
    for (const field of event.target.querySelectorAll("input[type='hidden'][name='inline']")) show(field.value);
  }, true);

  for (const tools of document.querySelectorAll("[data-tools]")) tools.hidden = false;
  offer();
})();
