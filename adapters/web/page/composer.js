// The box to write in: Enter sends, Shift+Enter is a new line, and a line that begins with a slash is completed.

import { $, h } from "/page/dom.js";

// The code of every key that an input method took (UI Events, section 7.3.1).
const COMPOSING = 229;

export class Composer {
  #text = $("text");
  #menu = $("commands");
  #commands = [];
  #offered = [];
  #chosen = 0;
  #send;
  #keep;

  /** `send(text)` takes what was written, `keep(text)` what is being written. */
  constructor(send, keep) {
    this.#send = send;
    this.#keep = keep;
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#text.addEventListener("blur", () => this.#close());
    $("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** [{name, help}]. */
  set commands(commands) {
    this.#commands = commands;
  }

  /** Put a text into the box, unless something stands there already. */
  fill(text) {
    if (this.#text.value.trim() && this.#text.value !== text) this.#text.value += `\n${text}`;
    else this.#text.value = text;
    this.#changed();
    this.focus();
  }

  /** What stands in the box from now on, in the place of what stood there. */
  show(text) {
    this.#text.value = text;
    this.#changed();
    this.#close();
  }

  focus() {
    this.#text.focus({ preventScroll: true });
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
  }

  #submit() {
    const text = this.#text.value.trim();
    if (!text) return;
    this.#text.value = "";
    this.#changed();
    this.#send(text);
  }

  #changed() {
    this.#keep(this.#text.value);
    $("send").disabled = !this.#text.value.trim();
    if (!CSS.supports("field-sizing", "content")) {
      this.#text.style.height = "auto";
      this.#text.style.height = `${this.#text.scrollHeight}px`;
    }
    this.#offer();
  }

  #pressed(event) {
    // Safari ends the composition before it tells the key that ended it.
    if (event.isComposing || event.keyCode === COMPOSING) return;
    if (!this.#menu.hidden && this.#steer(event)) {
      event.preventDefault();
      return;
    }
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      this.#submit();
    }
  }

  /** Keys of the open list of commands; true when the key was one. */
  #steer({ key, shiftKey }) {
    const count = this.#offered.length;
    if (key === "ArrowDown" || key === "ArrowUp") {
      this.#choose((this.#chosen + (key === "ArrowDown" ? 1 : count - 1)) % count);
      return true;
    }
    if (key === "Escape") {
      this.#close();
      return true;
    }
    const written = this.#text.value.slice(1);
    if ((key === "Tab" && !shiftKey) || (key === "Enter" && !shiftKey && written !== this.#offered[this.#chosen].name)) {
      this.#complete(this.#offered[this.#chosen]);
      return true;
    }
    return false;
  }

  #offer() {
    const match = /^\/([\w-]*)$/.exec(this.#text.value);
    const begun = match?.[1].toLowerCase();
    this.#offered = match ? this.#commands.filter(({ name }) => name.startsWith(begun)) : [];
    if (!this.#offered.length) {
      this.#close();
      return;
    }
    this.#menu.replaceChildren(
      ...this.#offered.map((command, index) =>
        h("li", { id: `command-${index}`, role: "option", onmousedown: (event) => this.#pick(event, command) }, h("b", {}, `/${command.name}`), h("span", {}, command.help)),
      ),
    );
    this.#menu.hidden = false;
    this.#text.setAttribute("aria-expanded", "true");
    this.#choose(0);
  }

  #choose(index) {
    this.#chosen = index;
    for (const [at, option] of [...this.#menu.children].entries()) option.setAttribute("aria-selected", String(at === index));
    this.#text.setAttribute("aria-activedescendant", `command-${index}`);
    this.#menu.children[index].scrollIntoView({ block: "nearest" });
  }

  #pick(event, command) {
    // The box keeps the focus.
    event.preventDefault();
    this.#complete(command);
  }

  #complete({ name }) {
    this.#text.value = `/${name} `;
    this.#changed();
    this.focus();
  }

  #close() {
    this.#menu.hidden = true;
    this.#text.setAttribute("aria-expanded", "false");
    this.#text.removeAttribute("aria-activedescendant");
  }
}
