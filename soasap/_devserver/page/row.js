// One flag on the page: its key, its value in place, and what stands between what was typed and what is in the file.
//
// `base` is the value that the typing started from, `theirs` what the file has by now. They differ only while there is
// something unsaved: nothing that was typed is ever overwritten, and nothing in the file unseen. A row whose flag is
// gone is taken away by the page, when the event stream tells.

import { change } from "/page/link.js";
import { fromInput, kindOf, make, mistake, plural, toInput } from "/page/words.js";

let numbers = 0;

export class Row {
  constructor(key, text, say) {
    this.key = key;
    this.kind = kindOf(text);
    this.say = say;
    this.base = this.theirs = text;
    this.busy = false;
    this.id = `flag-${++numbers}`;
    this.note = make("p", { class: "note", id: `${this.id}-note`, role: "alert" });
    this.control = this.kind === "bool" ? this.makeSwitch() : this.makeInput(text);
    this.saveButton = make("button", { type: "button", class: "main save", onclick: () => this.save() }, "Save");
    this.revertButton = make("button", { type: "button", class: "revert", onclick: () => this.revert() }, "Revert");
    this.removeButton = make(
      "button",
      {
        type: "button",
        class: "remove",
        "aria-label": `Remove ${key}`,
        title: "Remove",
        onclick: () => this.remove(),
        onblur: () => this.doubt(false),
        onkeydown: (event) => event.key === "Escape" && this.doubt(false),
      },
    );
    this.element = make(
      "li",
      { class: `flag ${this.kind}`, "data-key": key },
      make(this.kind === "bool" ? "span" : "label", { class: "key", id: `${this.id}-key`, for: this.control.id }, key),
      make("div", { class: "value" }, this.control),
      make("div", { class: "actions" }, this.saveButton, this.revertButton, this.removeButton),
      this.note,
    );
    this.show(text);
  }

  makeSwitch() {
    return make("button", {
      type: "button",
      role: "switch",
      id: this.id,
      class: "switch",
      "aria-labelledby": `${this.id}-key`,
      "aria-describedby": this.note.id,
      onclick: () => this.send(this.base === "true" ? "false" : "true"),
    });
  }

  makeInput(text) {
    const long = this.kind === "json" || (this.kind === "string" && /[\r\n]/.test(toInput("string", text)));
    return make(long ? "textarea" : "input", {
      id: this.id,
      autocomplete: "off",
      spellcheck: "false",
      inputmode: this.kind === "number" ? "decimal" : undefined,
      "aria-describedby": this.note.id,
      oninput: () => this.typed(),
      onkeydown: (event) => this.pressed(event, long),
    });
  }

  /** What was typed, or the switch's state, as JSON text. */
  get mine() {
    return this.kind === "bool" ? this.base : fromInput(this.kind, this.control.value);
  }

  get dirty() {
    return this.kind !== "bool" && this.control.value !== this.untouched;
  }

  /** A row beside this one that can be seen. */
  get neighbour() {
    return [this.element.nextElementSibling, this.element.previousElementSibling].find((each) => each && !each.hidden);
  }

  matches(words) {
    const value = this.kind !== "bool" ? this.base : this.base === "true" ? "on" : "off";
    const text = `${this.key}\n${value}`.toLowerCase();
    return words.every((word) => text.includes(word));
  }

  /** The file has this value now, or `null` for none. False if the row is of no use for it and nothing is lost. */
  update(text) {
    this.theirs = text;
    if (this.dirty) {
      if (text !== this.base && text !== this.mine) this.quarrel();
      else if (text === this.mine) this.show(text); // our own change: the event stream was faster than the answer
      else if (this.element.classList.contains("quarrel")) this.clear(); // what is wrong with the typing stays
      if (this.dirty) return true;
    }
    if (text === null || kindOf(text) !== this.kind) return false;
    if (text !== this.base) {
      this.show(text);
      this.element.classList.remove("fresh");
      void this.element.offsetWidth; // so that the animation starts anew
      this.element.classList.add("fresh");
    }
    return true;
  }

  show(text) {
    this.base = this.theirs = text;
    if (this.kind === "bool") this.control.setAttribute("aria-checked", text);
    else this.control.value = toInput(this.kind, text);
    this.untouched = this.control.value; // a browser has its own idea of line ends
    this.clear();
    this.fit();
  }

  /** Take away what the note says. */
  clear() {
    this.note.replaceChildren();
    this.control.removeAttribute("aria-invalid");
    this.element.classList.remove("quarrel");
    this.element.classList.toggle("dirty", this.dirty);
  }

  complain(message) {
    this.note.replaceChildren(message);
    this.control.setAttribute("aria-invalid", "true");
  }

  /** Somebody else changed the flag while something unsaved is here. Both stay until a person decides. */
  quarrel() {
    this.element.classList.add("quarrel", "dirty");
    const gone = this.theirs === null;
    this.note.replaceChildren(
      gone ? "Meanwhile this flag was removed from the file. " : "Meanwhile the file says ",
      ...(gone ? [] : [make("code", {}, this.theirs), ". "]),
      make("button", { type: "button", class: "mine", onclick: () => this.keepMine() }, "Keep mine"),
      make("button", { type: "button", class: "theirs", onclick: () => this.takeTheirs() }, "Take theirs"),
    );
  }

  keepMine() {
    this.save(this.theirs);
  }

  takeTheirs() {
    const text = this.theirs;
    if (text !== null && kindOf(text) === this.kind) this.show(text);
    else this.control.value = this.untouched; // of no use any more: the page takes it away
    this.element.dispatchEvent(new CustomEvent("settled", { bubbles: true }));
    this.control.focus();
  }

  typed() {
    this.fit();
    if (this.element.classList.contains("quarrel") && this.dirty) return;
    this.clear();
    const wrong = this.dirty && mistake(this.kind, this.control.value);
    if (wrong) this.complain(wrong);
  }

  pressed(event, long) {
    if (event.key === "Enter" && (!long || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.save();
    } else if (event.key === "Escape" && !long) {
      event.preventDefault();
      this.revert();
    }
  }

  revert() {
    this.takeTheirs();
    this.say(`${this.key}: as in the file`);
  }

  save(was = this.base) {
    if (!this.dirty) return;
    const wrong = this.kind === "number" && mistake(this.kind, this.control.value);
    if (wrong) this.complain(wrong);
    else this.send(this.mine, was);
  }

  async send(now, was = this.base) {
    if (this.busy) return;
    this.busy = true;
    const typed = this.control.value;
    const answer = await change(this.key, was, now);
    this.busy = false;
    if (!answer.problem) {
      // The event stream may have been faster, with this change or a still newer one.
      if (now !== null && this.theirs === was) this.settleWith(now, typed);
      this.announce(now, answer.clients);
    } else if (answer.problem === "changed") {
      this.theirs = answer.now;
      if (this.kind === "bool") this.complain("It was changed meanwhile. Look again."); // the news are on their way
      else this.quarrel();
    } else {
      this.complain(answer.message);
      this.control.focus();
    }
  }

  /** Our change is in the file. What was typed while the answer was on its way stays, as unsaved. */
  settleWith(now, typed) {
    if (this.control.value === typed) {
      this.show(now);
    } else {
      this.base = this.theirs = now;
      this.untouched = typed;
      this.clear();
    }
  }

  announce(now, clients) {
    const what = now === null ? "removed" : this.kind !== "bool" ? "saved" : now === "true" ? "is on" : "is off";
    this.say(`${this.key} ${what}${clients ? `, sent to ${plural(clients, "client")}` : ""}`);
  }

  /** The first press asks, the second removes. */
  remove() {
    if (!this.removeButton.classList.contains("sure")) this.doubt(true);
    else this.send(null, this.theirs);
  }

  doubt(asking) {
    this.removeButton.classList.toggle("sure", asking);
    this.removeButton.replaceChildren(...(asking ? ["Remove?"] : []));
    this.removeButton.setAttribute("aria-label", asking ? `Really remove ${this.key}` : `Remove ${this.key}`);
  }

  /** As high as its lines need, for browsers that cannot do so by style. */
  fit() {
    if (this.control.tagName === "TEXTAREA") this.control.rows = Math.min(this.control.value.split("\n").length, 14);
  }
}
