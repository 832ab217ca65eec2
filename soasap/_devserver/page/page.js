// The page: what the server tells is put where people look for it.

import { listen } from "/page/link.js";
import { prepareDialog } from "/page/new_flag.js";
import { Row } from "/page/row.js";
import { age, clock, kindOf, make, plural } from "/page/words.js";

const find = (id) => document.getElementById(id);
const rows = new Map(); // by flag key
let flags = new Map(); // the values in the file, as JSON text
let awaited = null; // the key of a flag that gets the focus when it comes
let farewell = 0;

function say(message) {
  const said = find("said");
  said.textContent = message;
  said.classList.add("shown");
  clearTimeout(farewell);
  farewell = setTimeout(() => said.classList.remove("shown"), 4000);
}

// --- flags

function showFlags(state) {
  find("file").textContent = state.file;
  find("path").textContent = state.path;
  document.title = `${state.file} · soasap`;
  flags = new Map(state.flags);
  settle();
}

/** Bring the rows in step with the values. */
function settle() {
  const focused = document.activeElement;
  let heir = null; // who gets the focus of a row that goes
  const groups = new Map();
  for (const section of document.querySelectorAll("[data-kind]")) {
    groups.set(section.dataset.kind, section.querySelector(".flags"));
  }
  for (const [key, row] of rows) {
    if (!row.update(flags.get(key) ?? null)) {
      if (row.element.contains(focused)) {
        if (flags.has(key)) awaited = key; // of another type now, so it comes back in another group
        else heir = row.neighbour;
      }
      row.element.remove();
      rows.delete(key);
    }
  }
  const places = new Map([...groups.values()].map((list) => [list, list.firstElementChild]));
  for (const [key, text] of flags) {
    const row = rows.get(key) ?? new Row(key, text, say);
    rows.set(key, row);
    const list = groups.get(row.kind);
    const place = places.get(list);
    if (place === row.element) places.set(list, place.nextElementSibling);
    else list.insertBefore(row.element, place);
  }
  if (focused !== document.activeElement) {
    // A row that moved loses it, too.
    (focused.isConnected ? focused : heir?.querySelector(".value > *") ?? find("search")).focus();
  }
  search();
  if (awaited !== null && rows.has(awaited)) {
    rows.get(awaited).control.focus();
    awaited = null;
  }
}

function search() {
  const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const row of rows.values()) {
    row.element.hidden = !row.dirty && !row.matches(words); // what is unsaved stays in sight
    found += row.element.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("[data-kind]")) {
    const shown = section.querySelectorAll(".flag:not([hidden])").length;
    section.hidden = shown === 0;
    section.querySelector(".count").textContent = shown;
  }
  find("found").textContent = words.length
    ? `${found} of ${plural(rows.size, "flag")}`
    : rows.size ? "" : "There are no flags yet. “New flag” adds the first one.";
}

document.addEventListener("settled", settle);
find("search").addEventListener("input", search);
find("search").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  find("search").value = "";
  search();
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  find("search").focus();
});
addEventListener("beforeunload", (event) => {
  if ([...rows.values()].some((row) => row.dirty)) event.preventDefault();
});

// --- clients and changes

let clients = { clients: [], total: 0 };
let ahead = 0; // seconds of the server's clock before ours

function showClients(state) {
  clients = state;
  ahead = state.now - Date.now() / 1000;
  find("clients-count").textContent = state.total;
  const list = find("clients");
  if (!state.total) {
    list.replaceChildren(
      make("li", { class: "empty" }, "None yet. Connect one with ", make("code", {}, `base_url="${location.origin}"`)),
    );
    return;
  }
  list.replaceChildren(
    ...state.clients.map((client) => {
      const more = [client.version, client.backend].filter(Boolean).join(" · ");
      const name = make("span", { class: "name" }, client.name, " ", make("span", { class: "quiet" }, more));
      return make("li", {}, name, make("span", { class: "age quiet", title: "connected", "data-since": client.since }));
    }),
  );
  const hidden = state.total - state.clients.length;
  if (hidden) list.append(make("li", { class: "empty" }, `and ${hidden} more`));
  showAges();
}

function showAges() {
  const now = Date.now() / 1000 + ahead;
  for (const each of document.querySelectorAll("[data-since]")) each.textContent = age(now - each.dataset.since);
}

function showChanges(entries) {
  const quiet = (text, more = "") => make("span", { class: `quiet ${more}` }, text);
  const value = (text) => (text === null ? quiet("–") : make("code", { title: text }, text));
  find("changes").replaceChildren(
    ...entries.map((entry) =>
      make(
        "li",
        {},
        make("div", { class: "what" }, make("span", { class: "name" }, entry.key), quiet(clock(entry.at), "time")),
        make(
          "div",
          { class: "how" },
          value(entry.old),
          quiet("→"),
          value(entry.new),
          quiet(entry.by === "page" ? "on a page" : "in the file", "by"),
        ),
      ),
    ),
  );
  if (!entries.length) find("changes").append(make("li", { class: "empty" }, "None since the server started."));
}

// --- the state of things

function showProblem(message) {
  find("problem").hidden = message === null;
  find("problem").textContent =
    message && `${message}. Clients keep the flags below; nothing can be saved until the file is repaired.`;
}

function showLink(isOpen) {
  find("link").dataset.state = isOpen ? "live" : "away";
  find("link").textContent = isOpen ? "Live" : "Reconnecting";
}

setInterval(showAges, 1000);
prepareDialog((key) => {
  awaited = key;
  find("search").value = ""; // it might hide the new flag
  say(`${key} added`);
  settle();
});
const topics = { flags: showFlags, problem: showProblem, clients: showClients, changes: showChanges };
listen((topic, state) => topics[topic](state), showLink);
