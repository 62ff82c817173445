// What a save draws anew beside the words: left alone while it says the same, and while somebody presses on it.
(() => {
  "use strict";
  const REGIONS = "#chosen, #found, #preview-as, #preview-paper, #checks, #actions, #lint, #files";
  const drawn = new WeakMap(); // by element: how it came, and what it said then
  const note = (element) => drawn.set(element, { html: element.outerHTML, text: element.textContent });
  const isAsItCame = (element, next) => drawn.get(element)?.html === next.outerHTML && drawn.get(element).text === element.textContent;
  for (const element of document.querySelectorAll(REGIONS)) note(element);

  // --- a press that has begun ends on what it began on ---------------------------------------------------------------------
  let pressed = null;
  let presses = 0;
  const late = new Map(); // by id: what came meanwhile
  const press = (event) => { pressed = event.target; presses += 1; };
  function release() {
    const ended = presses;
    setTimeout(() => { // the click comes first; who presses again meanwhile ends that before anything is drawn
      if (presses !== ended) return;
      pressed = null;
      for (const [id, next] of late) draw(document.getElementById(id), next);
      late.clear();
    }, 60);
  }
  const isKey = (act) => (event) => { if (event.key === " ") act(event); };
  document.addEventListener("pointerdown", press, true);
  document.addEventListener("keydown", isKey(press), true);
  for (const end of ["pointerup", "pointercancel", "dragend"]) document.addEventListener(end, release, true);
  document.addEventListener("keyup", isKey(release), true);
  window.addEventListener("blur", release);

  // --- the focus goes on to what stands in the same place with the same words; what has an id is htmx's ------------------------
  function keepFocus(old, next) {
    const at = document.activeElement;
    if (!old.contains(at) || at === old || at.id) return;
    const same = [...next.querySelectorAll(at.tagName)].find((each) => each.textContent === at.textContent);
    if (same) setTimeout(() => { if (document.activeElement === document.body) same.focus({ preventScroll: true }); }, 0);
  }

  function draw(old, next) {
    if (!old) return;
    const at = document.activeElement;
    keepFocus(old, next);
    old.replaceWith(next);
    htmx.process(next);
    if (at?.id && !at.isConnected) document.getElementById(at.id)?.focus({ preventScroll: true });
  }

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const next = fragment.firstElementChild;
    if (!next || !target.matches(REGIONS)) return;
    if (isAsItCame(target, next)) { event.detail.shouldSwap = false; return; }
    if (next.querySelector("iframe")) return; // its own frame waits until it has loaded (compose.js)
    note(next);
    if (pressed && target.contains(pressed)) {
      event.detail.shouldSwap = false;
      late.set(target.id, next);
    } else keepFocus(target, next);
  });

  // --- what has the focus stays in sight when something above it grows, unless somebody scrolled it away ---------------------
  const room = () => { // what neither the head nor the bar covers
    const { scrollPaddingTop, scrollPaddingBottom } = getComputedStyle(document.documentElement);
    return [parseFloat(scrollPaddingTop), parseFloat(scrollPaddingBottom)];
  };
  function isInSight(element) {
    const { top, bottom } = element.getBoundingClientRect();
    const [above, below] = room();
    return bottom > above && top < innerHeight - below;
  }
  let watch = null;
  let seen = null; // what has the focus, as long as it can be seen
  function follow() {
    const isDrawnAnew = seen && !seen.isConnected;
    const at = document.activeElement;
    seen = at !== document.body && (isDrawnAnew || isInSight(at)) ? at : null;
    watch?.disconnect();
    if (!seen) return;
    const left = ([entry]) => { if (entry.target === seen && !entry.isIntersecting && !pressed) seen.scrollIntoView({ block: "nearest" }); };
    const [above, below] = room();
    watch = new IntersectionObserver(left, { rootMargin: `${-above}px 0px ${-below}px 0px` });
    watch.observe(seen);
  }
  document.addEventListener("focusin", follow);
  document.addEventListener("scroll", ({ target }) => {
    if (target !== document) { if (target.contains(seen)) seen = null; } // a box inside of the page: whoever moves it knows
    else if (!seen || !isInSight(seen)) follow();
  }, { capture: true, passive: true });
})();
