// The chats that this browser knows: their ids and names, in localStorage. What was said in them is in the gateway.

import { mint } from "/page/dom.js";

const KEY = "hermes.chats";
const MOST = 200;
const FIRST = "main";
const CHAT = /^[a-z0-9-]{1,64}$/;
export const UNNAMED = "New chat";

export class Chats extends EventTarget {
  #list = [];
  // What could not be stored.
  #unsaved = [];
  #current;

  constructor() {
    super();
    this.#read();
    this.#current = named() ?? this.list[0]?.id ?? FIRST;
    this.#name();
    addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      this.#read();
      this.dispatchEvent(new Event("change"));
    });
    addEventListener("hashchange", () => this.#turn());
  }

  /** [{id, title, at}], the one that was used last first. */
  get list() {
    return [...this.#list].sort((one, other) => other.at - one.at);
  }

  /** The id of the chat that is shown: the one of the address. It changes by a "switch" alone. */
  get current() {
    return this.#current;
  }

  get title() {
    return this.#list.find((chat) => chat.id === this.current)?.title ?? UNNAMED;
  }

  /** The gateway knows more of the current chat than this browser did: its first words. */
  learn(text) {
    if (text && !this.#list.some((chat) => chat.id === this.current)) this.touch(text);
  }

  /** Begin a chat. It is listed once something was said in it. */
  begin() {
    location.hash = mint();
    this.#turn();
  }

  /** Something was said in the current chat; its first words are its name. */
  touch(text) {
    const id = this.current;
    const known = this.#list.find((chat) => chat.id === id);
    const words = text.startsWith("/") ? "" : text.trim().split("\n", 1)[0].slice(0, 60);
    const title = known && known.title !== UNNAMED ? known.title : words || UNNAMED;
    this.#unsaved = [...this.#unsaved.filter((chat) => chat.id !== id), { id, title, at: Date.now() }].slice(-MOST);
    this.#read();
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#list));
      this.#unsaved = [];
    } catch {
      // The list lives as long as the page, then.
    }
    this.dispatchEvent(new Event("change"));
  }

  /** Show the chat that the address names; an address that names none is put right. */
  #turn() {
    const chat = named() ?? this.#current;
    const other = chat !== this.#current;
    this.#current = chat;
    this.#name();
    if (other) this.dispatchEvent(new Event("switch"));
  }

  #name() {
    if (named() !== this.#current) history.replaceState(null, "", `#${this.#current}`);
  }

  #read() {
    let stored = [];
    try {
      stored = JSON.parse(localStorage.getItem(KEY) ?? "[]").filter(isChat);
    } catch {
      // Forbidden, or nothing that we wrote.
    }
    const own = new Set(this.#unsaved.map(({ id }) => id));
    this.#list = [...this.#unsaved, ...stored.filter(({ id }) => !own.has(id))];
    this.#list = this.list.slice(0, MOST);
  }
}

/** Whether it is an entry of the list, and nothing that something else left there. */
function isChat(value) {
  return typeof value?.id === "string" && CHAT.test(value.id) && typeof value.title === "string" && Number.isFinite(value.at);
}

function named() {
  const name = location.hash.slice(1);
  return CHAT.test(name) ? name : null;
}
