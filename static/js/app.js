// What every page needs beside htmx: CSRF header, toasts, dialogs, error banner, focus, keys. Pages work without it.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
  const isTyping = (element) => element?.closest("input:not([type='checkbox'], [type='radio'], [type='file']), textarea, select, [contenteditable='true']") !== null && element !== document.body;

  // --- toasts and speech -------------------------------------------------------------------------------------------
  function fade(line) {
    const leave = () => line.matches(":hover") ? setTimeout(leave, 2000) : line.remove();
    if (!line.classList.contains("toast-bad")) setTimeout(leave, 8000);
  }

  function toast({ text, tone = "neutral" }) {
    const line = document.createElement("p");
    line.className = `toast-line toast-${tone}`;
    line.textContent = text;
    find("#toasts").append(line);
    fade(line);
  }

  function speak(text) {
    find("#speaker").textContent = text;
  }

  // --- the banner for answers that did not come -----------------------------------------------------------------------
  let again = null;
  let culprit = null;

  function showBanner(text, retry, element) {
    const banner = find("#banner");
    find("[data-banner-text]", banner).textContent = text;
    find("[data-banner-retry]", banner).hidden = !retry;
    again = retry;
    culprit = element;
    banner.hidden = false;
  }

  function hideBanner() {
    find("#banner").hidden = true;
  }

  function explainStatus(xhr) {
    if (xhr.status === 429) {
      const seconds = parseInt(xhr.getResponseHeader("Retry-After"), 10);
      return `Too many tries. Try again in ${seconds || 60} seconds.`;
    }
    if (xhr.status === 403) return "You may not do this, or the page is too old. Open it again.";
    if (xhr.status === 404 || xhr.status === 410) return "This is not there any more. Open the page again.";
    if (xhr.status === 409) return "Somebody changed this since you opened it. Open the page again.";
    if (xhr.status === 413) return "This is too large.";
    return "Something broke on our side; nothing was half-saved.";
  }

  // --- htmx ----------------------------------------------------------------------------------------------------------
  const isPoll = (event) => event.detail.elt?.matches?.("[data-poll]");

  // Asks the same again: the button that was pressed is told once more, but fields as they are now, not as they were.
  function repeat(detail) {
    const { verb, path, elt, target, formData } = detail.requestConfig;
    const isField = (name) => [...(elt.form ?? elt).elements ?? []].some((each) => each.name === name && each.type !== "submit");
    return () => {
      const values = new FormData();
      for (const [name, value] of formData) if (!isField(name)) values.append(name, value);
      htmx.ajax(verb, path, { source: elt, target, values });
    };
  }

  // Leaving a page ends the requests it waits for: that is no failure to show or to log. How long the next page takes
  // nobody knows; a page that stayed (a download) is touched again, or left alone for a while.
  let leaves = false;
  let stays = 0;
  window.addEventListener("beforeunload", () => { leaves = true; clearTimeout(stays); stays = setTimeout(() => { leaves = false; }, 60000); });
  for (const touch of ["pointerdown", "keydown"]) window.addEventListener(touch, () => { leaves = false; }, true);
  document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => {
    for (const end of ["onerror", "onabort"]) {
      const [fail, say] = [xhr[end], console.error];
      xhr[end] = (event) => {
        // htmx writes down every request that ends so; who breaks one off (the browser, the next search) means it
        if (leaves || end === "onabort") console.error = () => {};
        fail.call(xhr, event);
        console.error = say;
      };
    }
  });

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = find("meta[name='csrf-token']").content;
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isPoll(event) && document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    if (xhr.status === 401) {
      location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    showBanner(explainStatus(xhr), xhr.status >= 500 || xhr.status === 429 ? repeat(event.detail) : null, event.detail.elt);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => leaves || showBanner("No answer from Carillon. What you typed is still here.", repeat(event.detail), event.detail.elt));
  }
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.detail.elt === culprit) hideBanner();
  });
  document.addEventListener("toast", (event) => toast(event.detail));
  document.addEventListener("speak", (event) => speak(event.detail.text ?? event.detail.value));
  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (event.detail.xhr?.status === 422) (find("[data-error-summary]") ?? find("[aria-invalid='true']"))?.focus();
    else if (target?.id === "main" || find("h1", target ?? document.createElement("i"))) find("#page-title")?.focus();
  });
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));

  // --- dialogs, copy, double submit, selection --------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || !(event.target instanceof Element)) return;
    const opener = event.target.closest("[data-dialog]");
    const dialog = opener && document.getElementById(opener.dataset.dialog);
    if (dialog && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      dialog.showModal();
    }
    if (event.target.closest("[data-close]") || event.target.matches("dialog")) event.target.closest("dialog")?.close();
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    if (event.target.closest("[data-banner-close]")) hideBanner();
    if (event.target.closest("[data-banner-retry]")) { hideBanner(); again?.(); }
    for (const menu of findAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  async function copy(button) {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      speak("Copied.");
      toast({ text: "Copied.", tone: "good" });
    } catch {
      toast({ text: "The browser does not allow copying here; the text is selected, copy it with the keyboard.", tone: "warning" });
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sending) { event.preventDefault(); return; }
    form.dataset.sending = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
  });
  const release = () => {
    for (const form of findAll("form[data-sending]")) delete form.dataset.sending;
    for (const button of findAll("[aria-busy='true']")) button.removeAttribute("aria-busy");
  };
  window.addEventListener("pageshow", release);
  document.addEventListener("htmx:afterRequest", release);

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select]")) {
      event.target.closest("tr")?.classList.toggle("is-chosen", event.target.checked);
      const form = event.target.form ?? document;
      const chosen = findAll("[data-select]:checked", form).length;
      for (const place of findAll("[data-bulk-count]", form)) place.textContent = `${chosen} selected`;
    }
    if (event.target.matches("[data-keys-switch]")) localStorage.setItem("keys", event.target.checked ? "on" : "off");
  });

  // --- keys (single letters can be switched off in the member's menu) -----------------------------------------------------
  let waiting = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of findAll("details.menu[open]")) { menu.open = false; find("summary", menu).focus(); }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (localStorage.getItem("keys") === "off" || find("dialog[open]")) return;
    if (event.key === "/") { const box = find("[data-search]"); if (box) { event.preventDefault(); box.focus(); box.select(); } }
    else if (event.key === "x") event.target.closest?.("tr")?.querySelector("[data-select]")?.click();
    else if (event.key === "g") waiting = event.timeStamp;
    else if (event.timeStamp - waiting < 1500) { waiting = -Infinity; find(`a[data-key='${CSS.escape(event.key)}']`)?.click(); }
  });

  // --- a frame with the focus inside: no :focus matches it, so it is said to the style sheet ---------------------------------
  window.addEventListener("blur", () => setTimeout(() => { if (document.activeElement?.tagName === "IFRAME") document.activeElement.classList.add("has-focus"); }));
  window.addEventListener("focus", () => { for (const each of findAll("iframe.has-focus")) each.classList.remove("has-focus"); });

  // --- the next page is fetched while the hand is on its way ---------------------------------------------------------------
  const fetched = new Set();
  function preload(event) {
    const link = event.target instanceof Element && event.target.closest("a[data-key], a[data-preload]");
    if (!link || fetched.has(link.href) || link.origin !== location.origin || navigator.connection?.saveData) return;
    fetched.add(link.href);
    const hint = document.createElement("link");
    Object.assign(hint, { rel: "prefetch", href: link.href, as: "document" });
    document.head.append(hint);
  }
  document.addEventListener("mouseover", preload);
  document.addEventListener("focusin", preload);

  // --- at the start and for every swapped piece ----------------------------------------------------------------------------
  function prepare(root) {
    for (const button of findAll("[data-copy]", root)) button.hidden = false;
    for (const label of findAll(".keys-switch", root)) {
      label.hidden = false;
      find("input", label).checked = localStorage.getItem("keys") !== "off";
    }
  }
  document.cookie = `zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone ?? "")}; path=/; max-age=31536000; samesite=lax`; // the calendar's
  prepare(document);
  findAll(".toast-line").forEach(fade);
  find("[data-error-summary]")?.focus();
})();
