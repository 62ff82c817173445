// The failover order by hand: a grip is dragged, or lifted and carried with the keys. The buttons do the same without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const speak = (text) => document.dispatchEvent(new CustomEvent("speak", { detail: { text } }));
  const idOf = (card) => card.dataset.provider;
  let held = null; // what is carried: its card, the other tiers, the slots between and beside them, where it is
  let landed = ""; // the id of what was dropped last, whose grip gets the focus when the order comes back

  function lift(grip, isDragged) {
    const card = grip.closest("[data-provider]");
    const section = grip.closest("[data-order]");
    const tiers = all("[data-tier]", section);
    const own = grip.closest("[data-tier]");
    const rest = tiers.filter((tier) => tier !== own || all("[data-provider]", tier).length > 1);
    const slots = rest.flatMap((_, at) => [{ at, beside: false }, { at, beside: true }]).concat({ at: rest.length, beside: false });
    const place = rest.includes(own) ? slots.findIndex(({ at, beside }) => beside && rest[at] === own) : tiers.indexOf(own) * 2;
    held = { card, grip, section, rest, slots, place, home: place, isDragged };
    grip.setAttribute("aria-pressed", "true");
    card.classList.add("is-lifted");
    if (!isDragged) speak(`${card.dataset.name} is lifted. ${words()}`);
  }

  function words() {
    const { at, beside } = held.slots[held.place];
    if (!beside) return `Place ${at + 1} of ${held.rest.length + 1}, on its own.`;
    const names = all("[data-provider]", held.rest[at]).filter((card) => card !== held.card).map((card) => card.dataset.name);
    return `Beside ${names.join(" and ")}, sharing.`;
  }

  function unmark() {
    for (const tier of all("[data-tier]")) tier.classList.remove("drop-before", "drop-after", "drop-in");
  }

  function carry(place) {
    if (place < 0 || place >= held.slots.length) return;
    held.place = place;
    const { at, beside } = held.slots[place];
    unmark();
    const target = held.rest[Math.min(at, held.rest.length - 1)];
    if (place !== held.home) target.classList.add(beside ? "drop-in" : at < held.rest.length ? "drop-before" : "drop-after");
    if (!held.isDragged) {
      target.scrollIntoView({ block: "nearest" });
      speak(words());
    }
  }

  function release() {
    held.card.classList.remove("is-lifted");
    held.grip.setAttribute("aria-pressed", "false");
    unmark();
    held = null;
  }

  function drop() {
    const { card, section, rest, slots, place, home } = held;
    const said = words();
    if (place === home) {
      speak(`${card.dataset.name} stays where it was.`);
      return release();
    }
    const order = rest.map((tier) => all("[data-provider]", tier).filter((each) => each !== card).map(idOf));
    const { at, beside } = slots[place];
    if (beside) order[at].push(idOf(card));
    else order.splice(at, 0, [idOf(card)]);
    const form = section.querySelector("[data-order-form]");
    for (const input of all("input[name='tier']", form)) input.remove();
    for (const tier of order) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "tier", value: tier.join(",") }));
    landed = idOf(card);
    speak(`${card.dataset.name} is dropped. ${said}`);
    release();
    form.requestSubmit();
  }

  function abandon() {
    speak(`${held.card.dataset.name} is back where it was.`);
    release();
  }

  document.addEventListener("keydown", (event) => {
    if (held && event.key === "Escape") { event.preventDefault(); return abandon(); }
    const grip = event.target.closest?.("[data-grip]");
    if (!grip || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!held && (event.key === " " || event.key === "m")) lift(grip, false);
    else if (held && (event.key === " " || event.key === "Enter" || event.key === "m")) drop();
    else if (held && event.key === "ArrowDown") carry(held.place + 1);
    else if (held && event.key === "ArrowUp") carry(held.place - 1);
    else return;
    event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && event.target.closest?.("[data-grip]")) event.preventDefault(); // no click after it
  });
  document.addEventListener("click", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    if (grip && event.detail === 0) held ? drop() : lift(grip, false); // a screen reader's press
  });
  document.addEventListener("focusout", (event) => {
    if (held && !held.isDragged && event.target === held.grip) abandon();
  });

  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    if (!grip || event.button !== 0 || held) return;
    lift(grip, true);
    grip.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (!held?.isDragged) return;
    // Over the middle of a place it stands beside those there, above or below the middle on its own.
    let place = held.slots.length - 1;
    for (const [at, tier] of held.rest.entries()) {
      const box = tier.getBoundingClientRect();
      if (event.clientY > box.bottom) continue;
      const part = (event.clientY - box.top) / box.height;
      place = part < 0.25 ? 2 * at : part <= 0.75 ? 2 * at + 1 : 2 * at + 2;
      break;
    }
    const own = held.card.getBoundingClientRect();
    const isAtHome = event.clientY >= own.top && event.clientY <= own.bottom && event.clientX >= own.left && event.clientX <= own.right;
    carry(isAtHome ? held.home : place);
  });
  document.addEventListener("pointerup", () => held?.isDragged && drop());
  document.addEventListener("pointercancel", () => held?.isDragged && abandon());

  function prepare(root) {
    const grips = all("[data-grip]", root);
    for (const hidden of [...grips, ...(grips.length ? all("[data-order-help]") : [])]) hidden.hidden = false;
    const grip = landed && root.querySelector(`[data-provider="${CSS.escape(landed)}"] [data-grip]`);
    if (grip) { landed = ""; grip.focus(); }
  }
  prepare(document);
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
})();
