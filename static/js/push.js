// The push sheet's hands: rows of data come and go in place, and a colour can be picked. Works without.
(() => {
  "use strict";
  const changed = (place) => place.dispatchEvent(new Event("input", { bubbles: true }));
  const rows = () => [...document.querySelectorAll("[data-pair]")];

  function number(row, place) {
    for (const [name, word] of [["data-key", "Key"], ["data-value", "Value"]]) {
      row.querySelector(`input[name='${name}'][aria-label]`)?.setAttribute("aria-label", `${word} ${place + 1}`);
    }
    const button = row.querySelector("[data-drop]");
    if (button) button.value = place;
  }

  // --- rows of data ----------------------------------------------------------------------------------------------------
  function addRow() {
    const all = rows();
    const last = all[all.length - 1];
    const next = last.cloneNode(true);
    for (const input of next.querySelectorAll("input")) input.value = "";
    if (!last.querySelector("[data-drop]")) last.append(dropButton());
    last.after(next);
    rows().forEach(number);
    return next;
  }

  function dropButton() {
    const known = document.querySelector("[data-drop]");
    const button = known ? known.cloneNode(true) : document.createElement("button");
    if (!known) {
      Object.assign(button, { type: "submit", name: "data-drop", className: "btn btn-quiet btn-square", textContent: "×" });
      button.dataset.drop = "";
    }
    button.setAttribute("aria-label", "Remove the pair");
    button.removeAttribute("title");
    return button;
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-add-pair]")) {
      event.preventDefault();
      addRow().querySelector("input:not([type='hidden'])").focus();
      return;
    }
    const drop = event.target.closest?.("[data-drop]");
    if (!drop) return;
    event.preventDefault();
    const row = drop.closest("[data-pair]");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    rows().forEach(number);
    next?.querySelector("input:not([type='hidden']), button")?.focus();
    changed(document.querySelector("[data-pairs]"));
  });

  // --- the colour: the browser's own picker beside the text ----------------------------------------------------------------
  for (const text of document.querySelectorAll("[data-color]")) {
    const picker = Object.assign(document.createElement("input"), { type: "color" });
    picker.setAttribute("aria-label", "Pick a colour");
    const follow = () => { if (/^#[0-9a-f]{6}$/i.test(text.value.trim())) picker.value = text.value.trim().toLowerCase(); };
    const frame = Object.assign(document.createElement("div"), { className: "color-pick" });
    text.before(frame);
    frame.append(text, picker);
    follow();
    text.addEventListener("input", follow);
    picker.addEventListener("input", () => { text.value = picker.value; changed(text); });
  }
})();
