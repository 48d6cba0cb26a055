// A question to the person: its text, and its choices as buttons, or a line to write in when it has none.

import { h } from "/page/dom.js";
import { render } from "/page/markdown.js";

const LABELS = {
  once: "Allow once",
  session: "Allow in this chat",
  always: "Always allow",
  deny: "Deny",
};
const STATES = { answered: "Answered", expired: "Nobody answered in time", withdrawn: "No longer needed" };

/** The card of an ask. What was chosen here is shown until the gateway says what became of it. */
export function askElement(given, act) {
  const entry = given.state === "answered" && given.answer ? { ...given, chosen: given.answer } : given;
  const open = entry.state === "open" && entry.chosen === undefined;
  const body = render(h("div", { class: "markdown" }), entry.text);
  const choices = h("div", { class: "choices", role: "group", "aria-label": "Your answer" });
  if (entry.choices.length) choices.append(...entry.choices.map((choice, index) => choiceButton(entry, choice, index, open, act)));
  else if (open) choices.append(freeText(entry, act));
  if (!open) choices.append(h("span", { class: "state" }, outcome(entry)));
  return h("div", { class: "card", role: "group", "aria-label": "Question" }, body, choices);
}

function outcome(entry) {
  if (entry.chosen !== undefined && !entry.choices.length) return `Your answer: ${entry.chosen}`;
  return entry.chosen !== undefined ? "" : (STATES[entry.state] ?? entry.state);
}

function choiceButton(entry, choice, index, open, act) {
  const names = [index === 0 ? "first" : "", choice === "deny" ? "deny" : "", entry.chosen === choice ? "chosen" : ""];
  const label = Object.hasOwn(LABELS, choice) ? LABELS[choice] : choice;
  const press = () => act.answer(entry, choice);
  const pressed = entry.chosen === choice ? "true" : undefined;
  return h("button", { type: "button", class: names.join(" "), disabled: !open, "aria-pressed": pressed, data: { choice }, onclick: press }, label);
}

function freeText(entry, act) {
  const input = h("input", { type: "text", "aria-label": "Your answer", placeholder: "Your answer" });
  const submit = (event) => {
    event.preventDefault();
    if (input.value.trim()) act.answer(entry, input.value.trim());
  };
  return h("form", { class: "choices", onsubmit: submit }, input, h("button", { type: "submit", class: "first" }, "Answer"));
}
