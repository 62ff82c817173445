// A key file is dropped on its field or chosen; what its name and its text say fills the other fields. Without scripts
// its text is pasted.
(() => {
  "use strict";
  const LARGEST = 100000; // bytes
  const WORTH_SAYING = ["project_id", "client_email"]; // of a JSON key file, what shows that it is the right one
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const fieldOf = (event) => event.dataTransfer?.types.includes("Files") && event.target.closest?.("[data-file-drop]");

  function describe(field, file) {
    const parts = [];
    try {
      const found = field.dataset.fileDrop === "json" ? JSON.parse(field.value) : {};
      for (const name of WORTH_SAYING) if (typeof found?.[name] === "string") parts.push(found[name]);
    } catch {
      return `${file.name} holds no JSON object. Choose the file as you downloaded it.`;
    }
    const other = document.getElementById(field.dataset.nameField ?? "");
    const match = other && file.name.match(new RegExp(field.dataset.namePattern));
    if (match) {
      other.value = match[1];
      other.dispatchEvent(new Event("input", { bubbles: true }));
      parts.push(`${document.querySelector(`label[for="${CSS.escape(other.id)}"]`)?.firstChild.textContent.trim() ?? other.id} ${match[1]}`);
    }
    return `${file.name} was read${parts.length ? `: ${parts.join(", ")}` : ""}.`;
  }

  async function read(field, file) {
    if (!file) return;
    if (file.size > LARGEST) return tell("toast", { text: `${file.name} is too large for a key file.`, tone: "bad" });
    field.value = await file.text();
    field.nextElementSibling.querySelector("[data-file-said]").textContent = describe(field, file);
  }

  function prepare(field) {
    field.placeholder = "Paste the file's text, or drop the file here";
    const chooser = Object.assign(document.createElement("input"), { type: "file", hidden: true });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-plain btn-sm", textContent: "Choose the file" });
    const said = Object.assign(document.createElement("span"), { className: "small", role: "status" });
    const line = Object.assign(document.createElement("p"), { className: "actions key-file" });
    said.dataset.fileSaid = "";
    button.addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => read(field, chooser.files[0]));
    line.append(button, chooser, said);
    field.after(line);
  }

  for (const field of document.querySelectorAll("[data-file-drop]")) prepare(field);
  document.addEventListener("dragover", (event) => {
    if (fieldOf(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const field = fieldOf(event);
    if (!field) return;
    event.preventDefault();
    read(field, event.dataTransfer.files[0]);
  });
})();
