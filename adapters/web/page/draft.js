// The answer in progress: rebuilt from the deltas that the gateway sends (offsets count the units of our strings), drawn at most
// once a frame.

import { h } from "/page/dom.js";
import { runningTool } from "/page/entries.js";
import { render } from "/page/markdown.js";

const LINGER = 1500;

export class DraftView {
  #box;
  #log;
  #turn = "";
  #state = "ended";
  #text = "";
  #tools = [];
  #tool = "";
  // Of which list the lines stand in the document.
  #drawn = null;
  #drawing = false;
  #linger;
  #parts;

  constructor(box, log) {
    this.#box = box;
    this.#log = log;
    this.#parts = { tools: h("div"), text: h("div", { class: "markdown" }), state: h("div", { class: "draft-state" }) };
    box.append(this.#parts.tools, this.#parts.text, this.#parts.state);
  }

  get running() {
    return this.#state !== "ended";
  }

  get turn() {
    return this.#turn;
  }

  /** The lines of the tools that were seen at work. */
  get tools() {
    return [...this.#tools];
  }

  apply(frame) {
    if (frame.turn_id !== this.#turn) this.#begin(frame.turn_id);
    this.#text = this.#text.slice(0, frame.offset) + frame.text;
    this.#state = frame.state;
    if (frame.tool && frame.tool !== this.#tool) this.#tools.push(frame.tool);
    this.#tool = frame.tool;
    clearTimeout(this.#linger);
    // The answer itself is on its way: what was read so far stays until it stands in its place.
    if (frame.state === "ended") this.#linger = setTimeout(() => this.clear(), LINGER);
    this.#plan();
  }

  clear() {
    clearTimeout(this.#linger);
    this.#begin("");
    this.#state = "ended";
    this.#log.follow(() => this.#draw());
  }

  #begin(turn) {
    this.#turn = turn;
    this.#text = "";
    this.#tools = [];
    this.#tool = "";
  }

  #plan() {
    if (this.#drawing) return;
    this.#drawing = true;
    const draw = () => {
      this.#drawing = false;
      this.#log.follow(() => this.#draw());
    };
    // A hidden page gets no frames, and must not keep what it cannot show for ever.
    if (document.hidden) setTimeout(draw, 100);
    else requestAnimationFrame(draw);
  }

  #draw() {
    this.#box.hidden = !this.#turn;
    const { tools, text, state } = this.#parts;
    if (this.#drawn !== this.#tools) tools.replaceChildren();
    this.#drawn = this.#tools;
    for (const line of this.#tools.slice(tools.childElementCount)) tools.append(h("div", { class: "tool" }, runningTool(line)));
    render(text, this.#text);
    text.classList.toggle("writing", this.#state === "writing");
    const label = { thinking: "Thinking", tool: "Working", waiting: "Waiting for your answer", compressing: "Compressing" }[this.#state];
    state.hidden = !label;
    if (label) state.replaceChildren(h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), label);
  }
}
