// The composer's page: keep the preview still, say when it was saved, lose nothing. Works without.
(() => {
  "use strict";
  document.documentElement.classList.add("has-script");
  const find = (selector, root = document) => root.querySelector(selector);
  const form = () => find("#compose");

  // --- saved: when, and nothing lost when the page is left -----------------------------------------------------------------
  const LATEST = 4000; // ms after which even somebody who never stops typing is saved
  const BEACON = 60000; // bytes that a browser still sends when the page is gone; it takes at most 65,536
  const edits = { typed: 0, sent: 0, saved: 0 }; // how many changes there were, and how many the server was told and has
  let savedAt = 0;
  let latest = 0;
  const isDirty = () => edits.saved !== edits.typed;
  const say = (text) => { const place = find("#saved"); if (place) place.textContent = text; };
  const isSave = ({ requestConfig, elt }) => requestConfig?.verb === "post" && elt.closest("#compose, #audience");
  const saveNow = () => { if (form()) htmx.trigger(form(), "save-now"); };
  function tick() {
    if (!savedAt || isDirty()) return;
    const seconds = Math.round((Date.now() - savedAt) / 1000);
    say(seconds < 3 ? "Saved now" : seconds < 90 ? `Saved ${seconds} s ago` : `Saved ${Math.round(seconds / 60)} min ago`);
  }
  setInterval(tick, 5000);
  document.addEventListener("input", (event) => {
    if (event.target.form !== form() || !event.target.closest("#compose")) return;
    edits.typed += 1;
    latest ||= setTimeout(saveNow, LATEST);
    say("Not saved yet");
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isSave(event.detail)) return;
    clearTimeout(latest);
    latest = 0;
    edits.sent = edits.typed;
    say("Saving…");
  });
  document.addEventListener("htmx:sendError", () => say("Not saved: no answer from Carillon"));
  window.addEventListener("online", () => { if (form() && isDirty()) saveNow(); });
  document.addEventListener("htmx:responseError", (event) => { if (isSave(event.detail)) say("Not saved"); });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "saved") return;
    const isSaved = "justSaved" in find("#saved").dataset;
    savedAt = isSaved ? Date.now() : 0; // refused: the bar says why until a save goes through
    if (!isSaved) return;
    edits.saved = edits.sent;
    isRenewed = false;
    if (isDirty()) say("Not saved yet");
  });
  // A save that nobody pressed a button for presses none: htmx sends the one along that the focus is on.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (!form() || detail.elt !== form()) return;
    for (const each of form().elements) if (each.type === "submit" && each.name) detail.formData.delete(each.name);
  });
  const weight = () => [...new FormData(form())].reduce((sum, [, value]) => sum + 200 + new Blob([value]).size, 0);
  // What goes out while the page is left would come after a save under way, as if from somebody who had not seen that.
  const comesTooLate = () => underWay.size > 0 && edits.sent !== edits.typed;
  const mayBeLost = () => isSignedOut() || comesTooLate() || weight() > BEACON;
  window.addEventListener("beforeunload", (event) => { if (form() && isDirty() && mayBeLost()) event.preventDefault(); });
  window.addEventListener("pagehide", () => {
    if (form() && isDirty()) navigator.sendBeacon(form().getAttribute("hx-post"), new FormData(form()));
  });

  // --- a button that leads on waits for the saves under way: only their answer tells which version is ours ---------------------
  const SETTLED = 50; // ms after an answer, when htmx has put all of it in place
  const underWay = new Set();
  let onward = null;
  document.addEventListener("submit", (event) => {
    if (event.target !== form() || event.defaultPrevented) return;
    if (underWay.size) { event.preventDefault(); onward = { button: event.submitter }; } else edits.saved = edits.typed;
  });
  document.addEventListener("htmx:beforeSend", ({ detail }) => {
    if (!isSave(detail)) return;
    const { xhr } = detail;
    underWay.add(xhr);
    // Its own end, not htmx's event: that is lost where the button was drawn anew meanwhile, as a search does with a line.
    xhr.addEventListener("loadend", () => { underWay.delete(xhr); setTimeout(leadOn, SETTLED); });
  });
  function leadOn() {
    if (isSignedOut()) onward = null;
    if (underWay.size || !onward || !form()) return;
    const { name = "", value = "" } = onward.button ?? {}; // it may have been drawn anew
    onward = null;
    const pressed = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    form().append(pressed);
    delete form().dataset.sending; // app.js has marked the press that waited
    form().requestSubmit();
    pressed.remove();
  }

  // --- a session that ended: the page stays, and goes on as soon as somebody is signed in again ------------------------------
  let isRenewed = false; // once; what is refused even so has another reason
  const isSignedOut = () => find("#notice [data-go-on]") !== null;
  async function goOn() {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer || new URL(answer.url).pathname !== location.pathname) { tellSignedOut(); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = find("meta[name='csrf-token']", page)?.content;
    if (!token) { tellSignedOut(); return; }
    find("meta[name='csrf-token']").content = token;
    for (const field of document.querySelectorAll("input[name='csrf_token']")) field.value = token;
    isRenewed = true;
    find("#notice").replaceChildren();
    saveNow();
  }
  function tellSignedOut() {
    if (isDirty()) say("Not saved");
    if (!isSignedOut()) find("#notice").replaceChildren(find("#signed-out").content.cloneNode(true));
  }
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { status } = event.detail.xhr;
    if (!form() || status !== 401 && (status !== 400 || isRenewed || !isSave(event.detail))) return;
    event.preventDefault(); // or htmx would go to where one signs in, and what was typed would be gone
    if (status === 401) tellSignedOut(); else goOn();
  });
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-go-on]")) goOn(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && isSignedOut()) goOn(); });

  // --- the bar of parts marks the one that is read --------------------------------------------------------------------------
  let isMarking = false;
  function mark() {
    isMarking = false;
    const links = [...document.querySelectorAll(".compose-jump a")];
    const line = Math.max(144, innerHeight / 3); // what begins above it is read; a part that was jumped to begins at 120
    const begun = links.filter((link) => find(link.hash)?.getBoundingClientRect().top < line);
    const isAtEnd = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const current = isAtEnd ? links.at(-1) : begun.at(-1) ?? links[0];
    for (const link of links) if (link === current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
  }
  document.addEventListener("scroll", () => { if (!isMarking) { isMarking = true; requestAnimationFrame(mark); } }, { passive: true });

  // --- the picker's box is what somebody wants who opens it -------------------------------------------------------------------
  let opening = null; // a page that comes with the box open leaves the focus where it is
  document.addEventListener("click", (event) => { opening = event.target.closest?.(".picker > summary")?.parentElement ?? null; });
  document.addEventListener("toggle", (event) => { if (event.target === opening && opening.open) find("#q").focus(); }, true);

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
