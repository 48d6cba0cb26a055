// The chats that this browser knows: their ids and names, in localStorage. What was said in them is in the gateway.

import { mint } from "/page/dom.js";

const KEY = "hermes.chats";
const MOST = 200;
const FIRST = "main";
export const UNNAMED = "New chat";

export class Chats extends EventTarget {
  #list = [];

  constructor() {
    super();
    this.#read();
    addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      this.#read();
      this.dispatchEvent(new Event("change"));
    });
    addEventListener("hashchange", () => this.dispatchEvent(new Event("switch")));
  }

  /** [{id, title, at}], the one that was used last first. */
  get list() {
    return [...this.#list].sort((one, other) => other.at - one.at);
  }

  /** The id of the chat that is shown. */
  get current() {
    const named = location.hash.slice(1);
    return /^[a-z0-9-]{1,64}$/.test(named) ? named : (this.list[0]?.id ?? FIRST);
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
  }

  /** Something was said in the current chat; its first words are its name. */
  touch(text) {
    const id = this.current;
    const known = this.#list.find((chat) => chat.id === id);
    const words = text.startsWith("/") ? "" : text.trim().split("\n", 1)[0].slice(0, 60);
    const title = known && known.title !== UNNAMED ? known.title : words || UNNAMED;
    this.#read();
    this.#list = [...this.#list.filter((chat) => chat.id !== id), { id, title, at: Date.now() }];
    this.#list = this.list.slice(0, MOST);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#list));
    } catch {
      // The list lives as long as the page, then.
    }
    this.dispatchEvent(new Event("change"));
  }

  #read() {
    try {
      const read = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      this.#list = read.filter((chat) => typeof chat?.id === "string" && typeof chat.title === "string");
    } catch {
      this.#list = [];
    }
  }
}
