// The transcript on the page: what the last snapshot said, and what came since. Drawing it again changes nothing, so a snapshot
// may come at any time.

import { announce } from "/page/dom.js";
import { entryElement, pendingElement, pendingState } from "/page/entries.js";
import { Rows } from "/page/rows.js";

const NEAR_END = 80;

// Entries in the document, which a browser still lays out at once; a page that stays open for weeks drops the oldest.
const MOST = 2000;

export class Log {
  #scroll;
  #rows;
  #waiting;
  #entries = [];
  #pending = [];
  #following = true;
  #top = 0;

  /** `parts`: {list, pending, scroll}; `act`: what buttons inside entries do. */
  constructor(parts, act) {
    this.#scroll = parts.scroll;
    this.#rows = new Rows(parts.list, { key: ({ key }) => key, looks: looksOf, make: (entry) => entryElement(entry, act) });
    this.#waiting = new Rows(parts.pending, {
      key: ({ frame }) => frame.id,
      looks: (item) => JSON.stringify(pendingState(item, act)),
      make: (item) => pendingElement(item, act),
    });
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // A narrower window or a keyboard that comes up must not push the newest message out of sight.
    new ResizeObserver(() => this.#resized()).observe(this.#scroll);
  }

  get empty() {
    return this.#entries.length === 0 && this.#pending.length === 0;
  }

  /** The id before which older entries begin. */
  get first() {
    return this.#entries.find((entry) => entry.id > 0)?.id;
  }

  /** Whether nothing more fits: what would be fetched above could not be shown. */
  get full() {
    return this.#entries.length >= MOST;
  }

  /** Whether a question of this turn waits for an answer. */
  waitsIn(turn) {
    return this.#entries.some((entry) => entry.kind === "ask" && entry.state === "open" && entry.turn_id === turn);
  }

  has(key) {
    return this.#entries.some((entry) => entry.key === key);
  }

  clear() {
    this.#entries = [];
    this.#draw();
  }

  /**
   * Entries that were fetched by scrolling up stay above those of a snapshot, where the two meet: otherwise something that
   * was said meanwhile would be missing between them. Returns whether they meet.
   */
  snapshot(entries) {
    const known = new Set(this.#entries.filter(({ id }) => id > 0).map(({ key }) => key));
    const meet = entries.some(({ key }) => known.has(key));
    const oldest = entries.find((entry) => entry.id > 0)?.id ?? Infinity;
    const above = meet ? this.#entries.filter((entry) => entry.id > 0 && entry.id < oldest) : [];
    const chosen = new Map(this.#entries.map((entry) => [entry.key, entry.chosen]));
    // An answer that is on its way is not in the transcript yet.
    const kept = entries.map((entry) => (entry.state === "open" ? { ...entry, chosen: chosen.get(entry.key) } : entry));
    this.#entries = [...above, ...kept].slice(-MOST);
    this.#follow(() => this.#draw());
    return meet;
  }

  prepend(entries) {
    const known = new Set(this.#entries.map((entry) => entry.key));
    this.#entries = [...entries.filter((entry) => !known.has(entry.key)), ...this.#entries].slice(-MOST);
    const height = this.#scroll.scrollHeight;
    this.#draw();
    this.#scrollTo(this.#scroll.scrollTop + this.#scroll.scrollHeight - height);
  }

  /** A new entry, or the new state of one. */
  upsert(entry) {
    const at = this.#entries.findIndex((known) => known.key === entry.key);
    if (at === -1) {
      this.#entries.push(entry);
      if (this.#entries.length > MOST) this.#entries.shift();
      this.#say(entry);
    } else {
      this.#entries[at] = { ...this.#entries[at], ...entry, id: this.#entries[at].id };
    }
    this.#follow(() => this.#draw());
  }

  /** A question was answered, here or in another window. */
  chosen(askId, choice) {
    const at = this.#entries.findIndex((entry) => entry.ask_id && entry.ask_id === askId);
    if (at === -1) return;
    this.#entries[at] = { ...this.#entries[at], state: "answered", chosen: choice };
    this.#draw();
  }

  /** An answer was not taken: the question waits again. */
  reopen(askId) {
    this.#entries = this.#entries.map((entry) => (entry.ask_id && entry.ask_id === askId ? { ...entry, state: "open", chosen: undefined } : entry));
    this.#draw();
  }

  /** Messages that the gateway does not have yet stand below what it has. */
  pending(items) {
    this.#pending = items.filter((item) => !this.has(item.frame.id));
    this.#follow(() => this.#waiting.draw(this.#pending));
  }

  /** Run `change`, and stay at the end of the chat when the reader was there. */
  #follow(change) {
    change();
    if (this.#following) this.toEnd();
  }

  follow(change) {
    this.#follow(change);
  }

  /** Only a reader goes up and away from the end: another layout leaves the box at the end, or lower than it was. */
  #scrolled() {
    const { scrollTop } = this.#scroll;
    if (this.atEnd) this.#following = true;
    else if (scrollTop < this.#top) this.#following = false;
    this.#top = scrollTop;
  }

  #resized() {
    if (this.#following) this.toEnd();
  }

  get atEnd() {
    return this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < NEAR_END;
  }

  toEnd() {
    this.#following = true;
    this.#scrollTo(this.#scroll.scrollHeight);
  }

  /** Known at once: one event may tell of this and of what the reader did right after it. */
  #scrollTo(top) {
    this.#scroll.scrollTop = top;
    this.#top = this.#scroll.scrollTop;
  }

  #draw() {
    this.#rows.draw(this.#entries);
  }

  #say(entry) {
    if (entry.kind === "answer" || entry.kind === "notice") announce(`Hermes: ${entry.text}`);
    if (entry.kind === "ask") announce(`Hermes asks: ${entry.text}`);
  }
}

/** What is seen of an entry: one element as long as this is the same, whoever told of it, a message or the transcript. */
function looksOf({ kind, text, state, tool, choices, ask_id: ask, answer, chosen, marked }) {
  const settled = kind === "user" ? state === "dead" : state;
  return JSON.stringify([kind, text, settled, tool, choices, ask, answer, chosen, Boolean(marked)]);
}
