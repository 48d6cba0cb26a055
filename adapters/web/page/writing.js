// What is being written, by chat: in sessionStorage, so that it outlives a reload, and two windows of one chat do not write over
// each other's.

const PREFIX = "hermes.writing.";

// Chats with something unsent in one window; of more, what was touched longest ago goes.
const MOST = 50;

// Characters of one text that are stored, which is more than the gateway takes; a longer one is kept as long as the page is open.
const LONGEST = 300 * 1024;

export class Writing {
  // The one that was touched last stands last.
  #texts = new Map(stored());

  /** What stands in the box of a chat. */
  of(chat) {
    return this.#texts.get(chat) ?? "";
  }

  put(chat, text) {
    if (text === this.of(chat)) return;
    this.#texts.delete(chat);
    if (text) this.#texts.set(chat, text);
    store(chat, text);
    if (this.#texts.size <= MOST) return;
    const [oldest] = this.#texts.keys();
    this.#texts.delete(oldest);
    store(oldest, "");
  }
}

function store(chat, text) {
  try {
    // First, so that what cannot be stored leaves nothing older to come back.
    sessionStorage.removeItem(PREFIX + chat);
    if (text && text.length <= LONGEST) sessionStorage.setItem(PREFIX + chat, JSON.stringify({ at: Date.now(), text }));
  } catch {
    // Full or forbidden: it is kept as long as the page is open.
  }
}

/** [chat, text] of all that is stored, the one that was touched last at the end. */
function stored() {
  try {
    const names = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
    const items = names.map((name) => [name.slice(PREFIX.length), itemOf(sessionStorage.getItem(name))]);
    return items
      .filter(([, item]) => item)
      .sort(([, one], [, other]) => one.at - other.at)
      .slice(-MOST)
      .map(([chat, { text }]) => [chat, text]);
  } catch {
    return [];
  }
}

/** What was put there; null for what something else left under such a name. */
function itemOf(text) {
  try {
    const item = JSON.parse(text);
    return typeof item.text === "string" && Number.isFinite(item.at) ? item : null;
  } catch {
    return null;
  }
}
