// The file picker as a dialog over the composer: opened, searched, closed; what is chosen goes with what was typed.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const dialog = () => find("dialog#picker");
  let opener = null;

  // --- opened by a link with hx-get into the dialog -----------------------------------------------------------------------
  document.addEventListener("htmx:afterSwap", (event) => {
    const box = dialog();
    if (!box || event.detail.target !== box || box.open) return;
    opener = event.detail.requestConfig?.elt ?? document.activeElement;
    box.showModal();
    find("#picker-title", box)?.focus();
  });
  document.addEventListener("close", (event) => {
    if (event.target !== dialog()) return;
    event.target.replaceChildren();
    // saving meanwhile may have drawn the link anew
    (opener?.isConnected ? opener : document.getElementById(opener?.id))?.focus();
    opener = null;
  }, true);

  // --- inside it: other buckets, other pages and searches stay in the dialog -----------------------------------------------
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("dialog#picker a[href]");
    if (!link || event.ctrlKey || event.metaKey) return;
    const isOurs = link.matches("[data-picker-link], [data-picker-pages] a");
    if (!isOurs) return;
    event.preventDefault();
    if (link.matches("[data-picker-link]")) htmx.ajax("GET", link.href, { target: "#picker", swap: "innerHTML" });
    else htmx.ajax("GET", foundAddress(new URL(link.href).search), { target: "#picker-found", swap: "innerHTML" });
  });
  const foundAddress = (query) => find("#picker-found").dataset.found + query;

  let pause = 0;
  function search(form) {
    const query = new URLSearchParams(new FormData(form)).toString();
    htmx.ajax("GET", foundAddress(`?${query}`), { target: "#picker-found", swap: "innerHTML" });
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("dialog#picker form[role='search']");
    if (!form) return;
    clearTimeout(pause);
    pause = setTimeout(() => search(form), event.target.matches("select") ? 0 : 200);
  });

  // --- a choice goes with everything that was typed, by the composer's own form ------------------------------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("dialog#picker form[role='search']")) {
      event.preventDefault();
      clearTimeout(pause);
      search(form);
      return;
    }
    const composer = find("#compose");
    if (!composer || !form.matches("dialog#picker [data-picker-form]")) return;
    event.preventDefault();
    const chosen = [...new FormData(form, event.submitter)].filter(([name]) => name === "attach" || name === "inline");
    if (!chosen.length) { find("input[type='checkbox']", form)?.focus(); return; }
    for (const [name, value] of chosen) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      composer.append(field);
    }
    composer.requestSubmit();
  }, true);
})();
