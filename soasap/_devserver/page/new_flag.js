// The dialog for a new flag. It stays open, with everything in it, until the flag is in the file.

import { change } from "/page/link.js";
import { fromInput, mistake } from "/page/words.js";

const find = (id) => document.getElementById(id);
const EXAMPLES = { number: "0", string: "", json: "{}" };

/** Connect the dialog; `onAdded(key)` is called when a flag was added. */
export function prepareDialog(onAdded) {
  const dialog = find("dialog");
  const [key, kind, value, note] = ["new-key", "new-kind", "new-value", "new-note"].map(find);

  const complain = (field, message) => {
    note.textContent = message;
    for (const each of [key, value]) each.setAttribute("aria-invalid", each === field && message !== "");
    if (message) field.focus();
  };
  find("new").addEventListener("click", () => dialog.showModal());
  find("new-cancel").addEventListener("click", () => dialog.close());
  kind.addEventListener("change", () => {
    find("new-value-label").hidden = kind.value === "bool";
    if (Object.values(EXAMPLES).includes(value.value)) value.value = EXAMPLES[kind.value] ?? "";
    complain(value, "");
  });
  value.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (kind.value !== "json" || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      dialog.querySelector("form").requestSubmit();
    }
  });
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = key.value;
    const wrong = kind.value === "number" ? mistake(kind.value, value.value) : "";
    if (wrong) return complain(value, wrong);
    const answer = await change(name, null, kind.value === "bool" ? "false" : fromInput(kind.value, value.value));
    if (answer.problem === "changed") return complain(key, "There is a flag with this key already.");
    if (answer.problem) return complain(answer.problem === "value" ? value : key, answer.message);
    complain(key, "");
    key.value = value.value = "";
    dialog.close();
    onAdded(name);
  });
}
