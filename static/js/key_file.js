// A key file is dropped on its field; without scripts its text is pasted.
(() => {
  "use strict";
  const LARGEST = 100000; // bytes
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const fieldOf = (event) => event.dataTransfer?.types.includes("Files") && event.target.closest?.("[data-file-drop]");

  for (const field of document.querySelectorAll("[data-file-drop]")) {
    field.placeholder = "Paste the file's text, or drop the file here";
  }
  document.addEventListener("dragover", (event) => {
    if (fieldOf(event)) event.preventDefault();
  });
  document.addEventListener("drop", async (event) => {
    const field = fieldOf(event);
    if (!field) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file.size > LARGEST) return tell("toast", { text: `${file.name} is too large for a key file.`, tone: "bad" });
    field.value = await file.text();
    tell("speak", { text: `${file.name} was read.` });
  });
})();
