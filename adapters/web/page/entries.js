// One entry of a transcript as an element: a message of the person, an answer, a tool's line, a notice, a question.

import { askElement } from "/page/asks.js";
import { h, icon } from "/page/dom.js";
import { render } from "/page/markdown.js";

/** The list item for an entry. `act.answer(entry, choice)` is called when a question is answered. */
export function entryElement(entry, act) {
  const made = { user, answer, tool, running, notice, ask }[entry.kind] ?? notice;
  const element = made(entry, act);
  element.dataset.key = entry.key;
  element.title = entry.at ? new Date(entry.at * 1000).toLocaleString() : "";
  return element;
}

function user(entry) {
  const note = entry.state === "dead" ? h("span", { class: "note" }, "Given up. /retry tries it again.") : null;
  return h("li", { class: "user" }, h("div", { class: "bubble" }, entry.text), note);
}

/** A message that the gateway does not have yet. */
export function pendingElement(item, act) {
  const { state, words } = pendingState(item, act);
  const note = h("div", { class: "note" }, words);
  if (item.failed) {
    note.append(
      h("button", { type: "button", class: "text-button", onclick: () => act.takeBack(item) }, "Edit"),
      h("button", { type: "button", class: "text-button", onclick: () => act.drop(item) }, "Drop"),
    );
  }
  return h("li", { class: `user ${state}` }, h("div", { class: "bubble" }, item.frame.text.slice(0, 20000)), note);
}

/** How such a message stands: {state, words}. */
export function pendingState(item, act) {
  if (item.failed) return { state: "failed", words: `Not taken: ${item.reason}` };
  if (item.reason) return { state: "late", words: `Not sent yet: ${item.reason}. Trying again.` };
  return { state: "waiting", words: act.connected() ? "Sending…" : "Kept here until Hermes is back" };
}

function answer(entry) {
  return h("li", { class: "answer" }, marked(entry), render(h("div", { class: "markdown" }), entry.text));
}

function notice(entry) {
  return h("li", { class: "notice" }, h("div", { class: "text" }, marked(entry), render(h("div", { class: "markdown" }), entry.text)));
}

function ask(entry, act) {
  return h("li", { class: `ask ${entry.state === "open" ? "" : "settled"}` }, askElement(entry, act));
}

function tool(entry) {
  return h("li", { class: "tool" }, toolLine(entry.tool, entry.text));
}

function running(entry) {
  return h("li", { class: "tool" }, runningTool(entry.text));
}

/** A tool's name and what it was asked (JSON is told in words); the whole of it on demand. */
export function toolLine(name, asked) {
  const text = inWords(asked);
  const first = text.split("\n", 1)[0].slice(0, 300);
  const code = h("code", {}, name ? h("b", {}, name) : null, name && first ? " " : null, first);
  const line = [icon("tool"), code];
  if (first.length === text.length && first.length < 60) return h("div", { class: "tool-line" }, line);
  return h("details", {}, h("summary", { class: "tool-line" }, line), h("pre", { tabIndex: 0 }, text.slice(0, 50000)));
}

/** The line of a running tool: "NAME ARGUMENTS". */
export function runningTool(line) {
  const [name] = line.split(/[\s:({]/, 1);
  return toolLine(name, line.slice(name.length).replace(/^[:\s]+/, ""));
}

function inWords(asked) {
  let value;
  try {
    value = JSON.parse(asked);
  } catch {
    return asked;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return asked;
  const words = Object.entries(value).map(([key, part]) => [key, typeof part === "string" ? part : JSON.stringify(part)]);
  return words.length === 1 ? words[0][1] : words.map(([key, part]) => `${key}: ${part}`).join(", ");
}

function marked(entry) {
  return entry.marked ? h("p", { class: "marked" }, "This may be a repetition.") : null;
}
