// The connection to the server: the event stream that tells the page everything, and the changes it asks for.
//
// fetch and not EventSource, because the token travels in a header: addresses end in logs.

const TOKEN = "X-Soasap-Token";
const DELAYS = [250, 500, 1000, 2000]; // milliseconds between attempts, the last one for ever

let token = document.querySelector('meta[name="soasap-token"]').content;

/** Listen for ever. `onTopic(name, state)` gets each state, `onLink(isOpen)` hears of opening and loss. */
export async function listen(onTopic, onLink) {
  let failures = 0;
  for (;;) {
    await untilVisible(); // a browser grants six connections to one server, and forgotten tabs would use them up
    const hidden = new AbortController();
    const leave = () => document.hidden && hidden.abort();
    document.addEventListener("visibilitychange", leave);
    try {
      const answer = await fetch("/page/events", { headers: { [TOKEN]: token }, signal: hidden.signal });
      if (answer.status === 403) await renewToken();
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      onLink(true);
      failures = 0;
      for await (const [topic, data] of events(answer.body)) onTopic(topic, JSON.parse(data));
    } catch {
      // Away, or gone: whatever it was, the next attempt shows.
    } finally {
      document.removeEventListener("visibilitychange", leave);
    }
    if (hidden.signal.aborted) continue;
    onLink(false);
    await new Promise((done) => setTimeout(done, DELAYS[Math.min(failures++, DELAYS.length - 1)]));
  }
}

/** Ask for a change of one flag. Gives the server's answer; `problem` is in it if nothing was written. */
export async function change(key, was, now) {
  const body = JSON.stringify({ key, was, now });
  const send = () =>
    fetch("/page/flags", { method: "POST", headers: { "Content-Type": "application/json", [TOKEN]: token }, body });
  try {
    let answer = await send();
    if (answer.status === 403) {
      await renewToken();
      answer = await send();
    }
    return await answer.json();
  } catch {
    return { problem: "away", message: "The server does not answer. Nothing was saved; what you typed is still here." };
  }
}

/** A restarted server has another token; it is in the page that it serves now. */
async function renewToken() {
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  token = page.querySelector('meta[name="soasap-token"]').content;
}

function untilVisible() {
  return new Promise((done) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      done();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

/** The events of a body as pairs of type and data; the server sends one line of each. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = new Map();
      for (const line of block.split("\n")) fields.set(line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2));
      if (fields.has("data")) yield [fields.get("event"), fields.get("data")];
    }
  }
}
