// The composer's page: keep the preview still, say when it was saved, lose nothing. Works without.
(() => {
  "use strict";
  document.documentElement.classList.add("has-script");
  const find = (selector, root = document) => root.querySelector(selector);
  const form = () => find("#compose");

  // --- saved: when, and nothing lost when the page is left -----------------------------------------------------------------
  let isDirty = false;
  let savedAt = 0;
  const say = (text) => { const place = find("#saved"); if (place) place.textContent = text; };
  function tick() {
    if (!savedAt || isDirty) return;
    const seconds = Math.round((Date.now() - savedAt) / 1000);
    say(seconds < 3 ? "Saved now" : seconds < 90 ? `Saved ${seconds} s ago` : `Saved ${Math.round(seconds / 60)} min ago`);
  }
  setInterval(tick, 5000);
  document.addEventListener("input", (event) => {
    if (event.target.form === form() && event.target.closest("#compose")) { isDirty = true; say("Not saved yet"); }
  });
  document.addEventListener("submit", (event) => { if (event.target === form()) isDirty = false; });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig?.verb === "post" && event.detail.elt.closest("#compose, #audience")) { isDirty = false; say("Saving…"); }
  });
  document.addEventListener("htmx:sendError", () => { isDirty = true; say("Not saved: no answer from Carillon"); });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "saved") return;
    const isSaved = "justSaved" in find("#saved").dataset;
    savedAt = isSaved ? Date.now() : 0; // refused: the bar says why until a save goes through
    if (isSaved && isDirty) say("Not saved yet");
  });
  window.addEventListener("pagehide", () => {
    if (!isDirty || !form()) return;
    navigator.sendBeacon(form().getAttribute("hx-post"), new FormData(form()));
  });

  // --- the picker's box is what somebody wants who opens it -------------------------------------------------------------------
  document.addEventListener("toggle", (event) => { if (event.target.matches?.(".picker") && event.target.open) find("#q").focus(); }, true);

  // --- Enter: the picker takes its first line; elsewhere nothing is sent away, the draft saves itself --------------------------
  document.addEventListener("keydown", (event) => {
    const place = event.target;
    if (event.key !== "Enter" || event.isComposing || place.tagName !== "INPUT" || place.form !== form()) return;
    event.preventDefault();
    if (place.id === "q" && place.value.trim()) find("#found .found-choice")?.click();
  });

  // --- the picker gets the focus back when its line or chip has gone --------------------------------------------------------
  document.addEventListener("htmx:afterSettle", (event) => {
    const from = event.detail.requestConfig?.elt;
    if (from?.name && ["add", "remove"].includes(from.name) && document.activeElement === document.body) find("#q")?.focus();
    const box = find("#q");
    if (from?.name === "add" && box?.value) { box.value = ""; box.dispatchEvent(new Event("search")); } // the next search begins anew
  });

  // --- the preview stays where it is: the new frame takes the old one's place once it has loaded ----------------------------
  const stretch = (frame) => { frame.style.height = `${frame.dataset.height}px`; };
  function stretchAll(root) { for (const frame of root.querySelectorAll?.("iframe[data-height]") ?? []) stretch(frame); }
  let scrolled = 0; // where somebody reads in a view without a frame, which is swapped as a whole
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const old = target.id === "preview-paper" && find("iframe:not(.is-coming)", target);
    const next = old && find("iframe", fragment);
    scrolled = target.id === "preview-paper" ? find("[data-stage]", target)?.scrollTop ?? 0 : 0;
    if (!next) return;
    event.detail.shouldSwap = false;
    find("[data-paper-head]", target).replaceWith(find("[data-paper-head]", fragment));
    for (const late of target.querySelectorAll("iframe.is-coming")) late.remove();
    next.classList.add("is-coming");
    stretch(next);
    next.addEventListener("load", () => { if (next.isConnected) { next.classList.remove("is-coming"); old.remove(); } }, { once: true });
    old.after(next);
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    const stage = event.detail.target?.id === "preview-paper" && find("#preview-paper [data-stage]");
    if (stage) stage.scrollTop = scrolled;
  });
  document.addEventListener("htmx:load", (event) => stretchAll(event.detail.elt));
  stretchAll(document);
})();
