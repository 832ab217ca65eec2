// Values and times in words. A value is JSON text all the way: a number in JavaScript would lose digits.

/** Which group a value belongs to. */
export function kindOf(text) {
  if (text === "true" || text === "false") return "bool";
  if (text.startsWith('"')) return "string";
  return /^[-\d]/.test(text) ? "number" : "json";
}

/** What an input shows for a value. */
export function toInput(kind, text) {
  return kind === "string" ? JSON.parse(text) : text;
}

/** The JSON text for what was typed. A text that is no JSON comes back as it is: the server says what is wrong. */
export function fromInput(kind, typed) {
  return kind === "string" ? JSON.stringify(typed) : typed.trim();
}

/** What is wrong with what was typed; empty if nothing is. Where a JSON value is wrong, the server says on saving. */
export function mistake(kind, typed) {
  if (kind === "string") return "";
  if (kind === "number") {
    return /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(typed.trim()) ? "" : "A number, please: 12, -3 or 0.25";
  }
  try {
    JSON.parse(typed);
    return "";
  } catch {
    return "Not JSON yet";
  }
}

/** Seconds as people say them. */
export function age(seconds) {
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** A moment of today as a clock shows it. */
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

export function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** An element with attributes, classes in `class`, listeners in `on…`, and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
