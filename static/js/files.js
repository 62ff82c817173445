// Uploads by drag, paste and choice: in chunks, with progress, resume and cancel; and pictures that come a moment later.
// Without it the form sends whole files. The server alone decides what may come in.
(() => {
  "use strict";
  const CHUNK = 5 * 1024 * 1024;
  const WAITS = [1, 2, 4, 8, 15, 30, 30, 30]; // seconds between tries; then somebody presses the button
  const PATIENCE = 60000; // of one chunk without any progress
  const find = (selector, root = document) => root.querySelector(selector);
  const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
  const speak = (text) => { const place = find("#speaker"); if (place) place.textContent = text; };

  function sizeOf(count) {
    let [size, unit] = [count, 0];
    while (size >= 1024 && unit < 3) { size /= 1024; unit += 1; }
    return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${["bytes", "KB", "MB", "GB"][unit]}`;
  }

  // --- what this browser remembers of an upload: its id, under a number made of bucket, name, size and date ----------------
  function rememberedAs(bucket, file) {
    let [high, low] = [0x811c9dc5, 0x1b873593];
    for (const sign of `${bucket}/${file.name}/${file.size}/${file.lastModified}`) {
      high = Math.imul(high ^ sign.codePointAt(0), 16777619);
      low = Math.imul(low ^ sign.codePointAt(0), 2246822519);
    }
    return `upload-${(high >>> 0).toString(36)}${(low >>> 0).toString(36)}`;
  }
  const memory = {
    get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* a full or closed store only costs the resume */ } },
    drop: (key) => { try { localStorage.removeItem(key); } catch { /* the same */ } },
  };
  const newId = () => [...crypto.getRandomValues(new Uint8Array(20))].map((one) => (one % 36).toString(36)).join("");

  // --- one upload, with its line on the page -----------------------------------------------------------------------------------
  class Upload {
    constructor(form, file) {
      Object.assign(this, { form, file, state: "waiting", tries: 0, received: 0, request: null });
      this.key = rememberedAs(form.dataset.bucket, file);
      this.id = memory.get(this.key) ?? "";
      this.isOld = this.id !== "";
      this.id ||= newId();
      this.chunks = Math.max(1, Math.ceil(file.size / CHUNK));
      this.line = this.draw();
    }

    draw() {
      const line = document.createElement("li");
      const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
      this.says = make("span", "upload-says", `${sizeOf(this.file.size)}, waits for its turn`);
      this.bar = Object.assign(make("progress", "upload-bar"), { max: this.file.size || 1, value: 0 });
      this.bar.setAttribute("aria-label", `Upload of ${this.file.name}`);
      const acts = make("span", "upload-acts");
      this.again = Object.assign(make("button", "btn btn-plain btn-sm", "Go on"), { type: "button", hidden: true });
      this.stop = Object.assign(make("button", "btn btn-plain btn-sm", "Cancel"), { type: "button" });
      this.stop.setAttribute("aria-label", `Cancel the upload of ${this.file.name}`);
      this.again.addEventListener("click", () => this.retry());
      this.stop.addEventListener("click", () => this.cancel());
      acts.append(this.again, this.stop);
      line.append(make("span", "upload-name", this.file.name), this.says, acts, this.bar);
      return line;
    }

    say(text) { this.says.textContent = text; }

    async run() {
      this.state = "running";
      if (this.isOld) await this.ask();
      if (this.state === "running") this.send();
    }

    async ask() {
      try {
        const answer = await fetch(this.address(), { headers: { "HX-Request": "true" } });
        const known = await answer.json();
        if (known.chunks === this.chunks) this.received = Math.min(known.received, this.chunks - (known.done ? 0 : 1));
        if (known.done) { memory.drop(this.key); this.id = newId(); this.received = 0; } // a second copy, as asked for
      } catch { /* it begins where it believes to be; the server knows each chunk that has come */ }
    }

    address() { return this.form.dataset.standing.replace("FILE", this.id); }

    send() {
      const start = this.received * CHUNK;
      const part = this.file.slice(start, Math.min(start + CHUNK, this.file.size));
      const body = new FormData();
      body.append("file", part, this.file.name);
      const request = this.request = new XMLHttpRequest();
      request.open("POST", this.form.dataset.chunks);
      const headers = {
        "X-CSRFToken": find("meta[name='csrf-token']").content, "HX-Request": "true", "X-Upload-Id": this.id,
        "Content-Range": `bytes ${start}-${Math.max(start + part.size - 1, 0)}/${this.file.size}`,
      };
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      let last = setTimeout(() => request.abort(), PATIENCE);
      const live = () => { clearTimeout(last); last = setTimeout(() => request.abort(), PATIENCE); };
      request.upload.addEventListener("progress", (event) => { live(); if (this.request === request) this.show(start + Math.min(event.loaded, part.size)); });
      request.addEventListener("loadend", () => { clearTimeout(last); if (this.request === request && this.state === "running") this.take(request); });
      request.send(body);
    }

    show(sent) {
      this.bar.value = sent;
      this.say(`${sizeOf(sent)} of ${sizeOf(this.file.size)}`);
    }

    take(request) {
      let answer = null;
      try { answer = JSON.parse(request.responseText); } catch { /* no answer, or a page */ }
      if (request.status === 200 && answer) {
        this.tries = 0;
        memory.set(this.key, this.id);
        if (answer.done) { this.end("is-done", `${sizeOf(this.file.size)}, uploaded`); return; }
        this.received = Math.max(answer.received, Math.min(this.received + 1, this.chunks - 1));
        this.send();
      } else if (request.status === 401) {
        this.pause("You are signed out. Sign in in another tab, then go on.");
      } else if (request.status === 429 || request.status === 0 || request.status >= 500) {
        this.wait(Number(request.getResponseHeader("Retry-After")), request.status === 0);
      } else {
        memory.drop(this.key);
        this.end("is-refused", answer?.message ?? `${this.file.name} was not uploaded: the server does not take it.`);
      }
    }

    wait(seconds, isLost) {
      const pause = seconds || WAITS[this.tries];
      this.tries += 1;
      if (!pause) { this.pause("The connection is gone. What has come is kept."); return; }
      this.state = "paused";
      this.say(`${isLost ? "The connection was lost" : "The server is busy"}. Goes on in ${pause} s.`);
      this.again.hidden = false;
      this.timer = setTimeout(() => this.retry(), pause * 1000);
    }

    pause(text) {
      this.state = "paused";
      this.again.hidden = false;
      this.say(text);
      speak(`${this.file.name}: ${text}`);
      queue.next();
    }

    retry() {
      if (this.state !== "paused") return;
      clearTimeout(this.timer);
      this.again.hidden = true;
      this.isOld = true; // ask first how much has come
      this.run();
    }

    cancel() {
      const isUnderWay = this.state !== "waiting" || this.isOld;
      this.state = "ended";
      clearTimeout(this.timer);
      this.request?.abort();
      memory.drop(this.key);
      this.end("is-cancelled", "Cancelled; nothing of it was kept");
      if (!isUnderWay) return;
      const headers = { "X-CSRFToken": find("meta[name='csrf-token']").content, "HX-Request": "true" };
      fetch(`${this.address()}/cancel`, { method: "POST", headers }).catch(() => {}); // after a day the server does it itself
    }

    end(name, text) {
      this.state = "ended";
      if (name === "is-done") { memory.drop(this.key); this.form.dataset.hasNew = "yes"; }
      this.line.classList.add(name);
      this.bar.hidden = true;
      this.again.hidden = true;
      this.stop.hidden = true;
      this.say(text);
      speak(text.startsWith(this.file.name) ? text : `${this.file.name}: ${text}`);
      queue.next();
    }
  }

  // --- one after another, so that the first is there soon ------------------------------------------------------------------------
  const queue = {
    all: [],
    add(form, files) {
      const list = listOf(form);
      list.hidden = false;
      for (const file of files) {
        const upload = new Upload(form, file);
        this.all.push(upload);
        list.append(upload.line);
      }
      this.next();
    },
    isBusy() { return this.all.some((upload) => upload.state === "running" || upload.timer && upload.state === "paused"); },
    next() {
      if (this.all.some((upload) => upload.state === "running")) return;
      const first = this.all.find((upload) => upload.state === "waiting");
      if (first) { first.run(); return; }
      for (const form of findAll("[data-uploader][data-has-new]")) {
        delete form.dataset.hasNew;
        htmx.ajax("GET", form.dataset.refresh, { target: form.dataset.refreshInto, swap: "innerHTML" });
      }
    },
  };
  window.addEventListener("beforeunload", (event) => { if (queue.isBusy()) event.preventDefault(); });
  window.addEventListener("online", () => { for (const upload of queue.all) upload.retry(); });

  const listOf = (form) => find("[data-uploads]", form.parentElement);
  const isThere = (form) => form && form.getClientRects().length > 0;
  const uploaderFor = (element) => {
    const zone = element instanceof Element && element.closest("[data-drop-zone]");
    const form = zone && find("[data-uploader]", zone);
    return isThere(form) ? form : null;
  };

  // --- choose, drag, paste -----------------------------------------------------------------------------------------------------------
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("[data-uploader]");
    if (!form || event.target.type !== "file") return;
    const files = [...event.target.files];
    event.target.value = "";
    if (files.length) queue.add(form, files);
  });

  let depth = 0;
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (zone, isOver) => zone?.classList.toggle("is-over", isOver);
  document.addEventListener("dragenter", (event) => {
    const form = carriesFiles(event) && uploaderFor(event.target);
    if (form) { depth += 1; mark(form.closest("[data-drop-zone]"), true); }
  });
  document.addEventListener("dragleave", (event) => {
    const form = carriesFiles(event) && uploaderFor(event.target);
    if (form && (depth -= 1) <= 0) { depth = 0; mark(form.closest("[data-drop-zone]"), false); }
  });
  document.addEventListener("dragover", (event) => { if (carriesFiles(event) && uploaderFor(event.target)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    const form = carriesFiles(event) && uploaderFor(event.target);
    if (!form) return;
    event.preventDefault();
    depth = 0;
    mark(form.closest("[data-drop-zone]"), false);
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const isFolder = items.map((item) => item.webkitGetAsEntry?.()?.isDirectory === true);
    if (isFolder.some(Boolean)) speakAbout(form, "Folders cannot be uploaded. Drop the files in them.");
    const files = items.filter((_, place) => !isFolder[place]).map((item) => item.getAsFile()).filter(Boolean);
    if (files.length) queue.add(form, files);
  });

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const form = find("dialog[open] [data-uploader]") ?? (find("dialog[open]") ? null : find("[data-uploader]"));
    if (!files.length || !isThere(form)) return;
    event.preventDefault();
    queue.add(form, files.map(named));
  });

  // Every pasted picture is called image.png: the moment tells one from the other.
  function named(file) {
    if (!/^image\.\w+$/.test(file.name)) return file;
    const at = new Date().toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
    return new File([file], `pasted-${at}.${file.name.split(".").pop()}`, { type: file.type, lastModified: file.lastModified });
  }

  function speakAbout(form, text) {
    const list = listOf(form);
    const line = Object.assign(document.createElement("li"), { className: "is-refused" });
    line.append(Object.assign(document.createElement("span"), { className: "upload-says", textContent: text }));
    list.hidden = false;
    list.append(line);
    speak(text);
  }

  // --- small pictures: the server draws a few at a time, the others come a moment later -------------------------------------------------
  document.addEventListener("error", (event) => {
    const image = event.target;
    if (!image.matches?.("[data-thumb]")) return;
    const tries = Number(image.dataset.tries ?? 0);
    image.dataset.tries = tries + 1;
    if (tries >= 5) return;
    setTimeout(() => { image.src = `${image.src.split("?")[0]}?try=${tries + 1}`; }, 500 + 1000 * tries);
  }, true);

  // --- where it works, the words say so and the button goes ---------------------------------------------------------------------------------
  function prepare(root) {
    for (const form of findAll("[data-uploader]", root)) {
      for (const words of findAll(".uploader-drag", form)) words.hidden = false;
      for (const button of findAll("[data-uploader-go]", form)) button.hidden = true;
    }
  }
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
  prepare(document);
})();
