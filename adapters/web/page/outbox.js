// Messages that the gateway has not acknowledged: in localStorage with their ids, one key each, so that windows of this
// browser do not overwrite each other's, and sent again after every reconnection until the gateway has them.
//
// One is on its way at a time, so that they arrive in the order in which they were written. A message that is refused for good
// stays, marked, until the person takes it back or drops it.

import { mint } from "/page/dom.js";

const PREFIX = "hermes.outbox.";
const RETRY = 5000;

// What the gateway takes of one message. More is not even sent: it would cost the connection.
const MOST_BYTES = 300 * 1024;

/** Where the messages lie: localStorage, or memory where a browser forbids it. */
class Shelf {
  #memory = new Map();

  put(name, item) {
    this.#memory.set(name, item);
    try {
      localStorage.setItem(name, JSON.stringify(item));
    } catch {
      // Full or forbidden: it is kept as long as the page is open.
    }
  }

  drop(name) {
    this.#memory.delete(name);
    try {
      localStorage.removeItem(name);
    } catch {
      // Then it was never there.
    }
  }

  all() {
    const found = new Map(this.#memory);
    try {
      for (const name of Object.keys(localStorage)) {
        const item = name.startsWith(PREFIX) && !found.has(name) ? itemOf(localStorage.getItem(name)) : null;
        if (item) found.set(name, item);
      }
    } catch {
      // What memory holds is all there is.
    }
    return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, item]) => ({ name, ...item }));
  }
}

/** What was put there; null for what another program, or another version of this page, left under such a name. */
function itemOf(text) {
  try {
    const item = JSON.parse(text);
    const { type, chat, id, text: said, choice } = item.frame;
    const known = type === "send" || type === "answer";
    return known && [chat, id, said ?? choice].every((part) => typeof part === "string") ? item : null;
  } catch {
    return null;
  }
}

export class Outbox extends EventTarget {
  #shelf = new Shelf();
  #link;
  #queue = [];
  #waiting = null;
  #timer;

  /** `link.send(frame)` sends a frame and returns whether the connection took it. */
  constructor(link) {
    super();
    this.#link = link;
    this.#queue = this.#shelf.all();
  }

  /** Unacknowledged messages of a chat, in order. */
  of(chat) {
    return this.#queue.filter((item) => item.frame.chat === chat && item.frame.type === "send");
  }

  /** Keep a frame ({type, chat, ...}) and send it as soon as possible; returns its id. */
  add(frame) {
    const id = mint();
    const name = `${PREFIX}${String(Date.now()).padStart(15, "0")}.${id}`;
    const item = { frame: { ...frame, id }, at: Date.now() / 1000 };
    const bytes = new TextEncoder().encode(JSON.stringify(item.frame)).length;
    this.#shelf.put(name, item);
    this.#queue.push({ name, ...item });
    if (bytes > MOST_BYTES) {
      this.refused(id, `it is too long, ${Math.ceil(bytes / 1024)} KB of at most ${MOST_BYTES / 1024} KB`, false);
    } else {
      this.#changed();
      this.pump();
    }
    return id;
  }

  /** The connection is there (again): whatever was on its way may be lost, so begin anew. */
  restart() {
    for (const item of this.#shelf.all()) {
      if (!this.#queue.some((known) => known.name === item.name)) this.#queue.push(item);
    }
    this.#waiting = null;
    this.pump();
  }

  pump() {
    const next = this.#queue.find((item) => !item.failed);
    if (this.#waiting || !next) return;
    clearTimeout(this.#timer);
    if (this.#link.send(next.frame)) this.#waiting = next.frame.id;
  }

  /** The gateway has it. */
  accepted(id) {
    const item = this.#find(id);
    if (item) {
      this.#remove(item);
      this.dispatchEvent(new CustomEvent("accepted", { detail: item }));
    }
    this.#next(id);
  }

  /** The gateway did not take it: later, or never. */
  refused(id, reason, retry) {
    const item = this.#find(id);
    if (!item) return;
    item.reason = reason;
    if (retry) {
      this.#changed();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#next(id), RETRY);
      return;
    }
    if (item.frame.type === "send") {
      item.failed = true;
      this.#shelf.put(item.name, { frame: item.frame, at: item.at, reason, failed: true });
    } else {
      this.#remove(item);
      this.dispatchEvent(new CustomEvent("lost", { detail: item }));
    }
    this.#changed();
    this.#next(id);
  }

  /** Forget a message that was refused for good. */
  drop(id) {
    const item = this.#find(id);
    if (item) this.#remove(item);
    this.#changed();
  }

  #next(id) {
    if (this.#waiting === id) this.#waiting = null;
    this.pump();
  }

  #find(id) {
    return this.#queue.find((item) => item.frame.id === id);
  }

  #remove(item) {
    this.#queue = this.#queue.filter((other) => other !== item);
    this.#shelf.drop(item.name);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
