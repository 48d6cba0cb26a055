// The panel "Inside": the supervision tree as it is now. Nodes are kept by their path, so that only what changed is touched, and a
// node that was restarted since the last picture flashes.

import { $, h } from "/page/dom.js";

const HEALTH = { running: "good", starting: "wait", backoff: "wait", stopping: "wait", stopped: "wait", failed: "bad" };
const WORDS = { backoff: "waits to start again", failed: "failed" };
const RECENT = 300;

export class Tree {
  #root = h("ul");
  #nodes = new Map();

  constructor() {
    $("tree").append(this.#root);
  }

  show(status) {
    const seen = new Set();
    const item = this.#draw(status, "", seen);
    if (this.#root.firstChild !== item) this.#root.replaceChildren(item);
    for (const [path, node] of this.#nodes) {
      if (seen.has(path)) continue;
      node.item.remove();
      this.#nodes.delete(path);
    }
    $("tree-summary").textContent = summary(status);
  }

  /** Nobody can say how things are: what is shown is how they were. */
  lose() {
    if (this.#nodes.size) $("tree-summary").textContent = "Not connected: this is how it was";
  }

  #draw(status, above, seen) {
    const path = `${above}/${status.name}`;
    seen.add(path);
    const node = this.#nodes.get(path) ?? this.#make(path);
    paint(node, status);
    const children = status.children.map((child) => this.#draw(child, path, seen));
    if (children.length && !node.list) {
      node.list = h("ul");
      node.item.append(node.list);
    }
    // In order, and without taking an element out of the document that is in its place: its flash would begin again.
    children.forEach((child, index) => {
      if (node.list.children[index] !== child) node.list.insertBefore(child, node.list.children[index] ?? null);
    });
    return node.item;
  }

  #make(path) {
    const parts = Object.fromEntries(["dot", "name", "state", "facts", "failure"].map((name) => [name, h(name === "facts" || name === "failure" ? "div" : "span", { class: name })]));
    const box = h("div", { class: "node", data: { path } }, h("div", { class: "head" }, parts.dot, parts.name, parts.state), parts.facts, parts.failure);
    const node = { ...parts, box, item: h("li", {}, box), list: null, restarts: null };
    box.addEventListener("animationend", () => box.classList.remove("restarted"));
    this.#nodes.set(path, node);
    return node;
  }
}

function paint(node, status) {
  const deaf = isDeaf(status);
  node.box.dataset.health = deaf ? "bad" : (HEALTH[status.state] ?? "wait");
  node.name.textContent = status.name;
  node.name.title = status.name;
  node.state.textContent = deaf ? "deaf" : (WORDS[status.state] ?? status.state);
  node.facts.replaceChildren(...facts(status, deaf));
  node.failure.textContent = status.failure ? `${status.failure.ours ? "Bug: " : ""}${status.failure.error} (${ago(status.failure.at)})` : "";
  node.failure.classList.toggle("past", status.state === "running");
  if (node.restarts !== null && status.restarts > node.restarts) flash(node.box);
  node.restarts = status.restarts;
}

function facts(status, deaf) {
  const found = [];
  if (status.restarts) found.push(h("span", {}, status.restarts === 1 ? "1 restart" : `${status.restarts} restarts`));
  if (status.next_try) found.push(h("span", {}, `tries again in ${seconds(Math.max(0, status.next_try - Date.now() / 1000))}`));
  if (status.liveness) {
    const text = `heard ${seconds(status.liveness.age)} ago, of ${seconds(status.liveness.bound)}`;
    found.push(h("span", { class: deaf ? "deaf" : "" }, text));
  }
  if (status.mailbox) found.push(mailbox(status.mailbox));
  if (status.detail) found.push(h("span", {}, status.detail));
  return found;
}

function mailbox({ depth, bound }) {
  const level = h("i");
  level.style.width = `${Math.min(100, (100 * depth) / Math.max(1, bound))}%`;
  return h("span", {}, `mailbox ${depth} of ${bound}`, h("span", { class: "meter", "aria-hidden": "true" }, level));
}

function flash(box) {
  box.classList.remove("restarted");
  // Reading the layout between the two makes the animation begin anew.
  void box.offsetWidth;
  box.classList.add("restarted");
}

function isDeaf({ liveness }) {
  return Boolean(liveness) && liveness.age > liveness.bound;
}

function ill(status) {
  const own = status.state !== "running" || isDeaf(status) ? [status.name] : [];
  return [...own, ...status.children.flatMap(ill)];
}

function summary(status) {
  const names = ill(status);
  const recent = restartedLately(status);
  if (names.length) return `Needs attention: ${names.slice(0, 4).join(", ")}${names.length > 4 ? " and more" : ""}`;
  return recent.length ? `All is well again after a restart of ${recent.slice(0, 3).join(", ")}` : "All is well";
}

function restartedLately(status) {
  const own = status.restarts && Date.now() / 1000 - status.since < RECENT ? [status.name] : [];
  return [...own, ...status.children.flatMap(restartedLately)];
}

function seconds(value) {
  if (value < 100) return `${Math.round(value)} s`;
  return value < 6000 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

function ago(at) {
  return `${seconds(Math.max(0, Date.now() / 1000 - at))} ago`;
}
