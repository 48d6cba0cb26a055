// The page: what comes over the link goes to the view that it concerns, and what a person does goes to the outbox.

import { Chats, UNNAMED } from "/page/chats.js";
import { Composer } from "/page/composer.js";
import { $, announce, h } from "/page/dom.js";
import { DraftView } from "/page/draft.js";
import { Link } from "/page/link.js";
import { Log } from "/page/log.js";
import { Login } from "/page/login.js";
import { Outbox } from "/page/outbox.js";
import { Rows } from "/page/rows.js";
import { Tree } from "/page/tree.js";
import { Writing } from "/page/writing.js";

const RESYNC = 250;
const IDEAS = ["/help", "/status", "run ls"];

const link = new Link();
const outbox = new Outbox(link);
const chats = new Chats();
const tree = new Tree();
const log = new Log({ list: $("log"), pending: $("pending"), scroll: $("scroll") }, { answer, takeBack, drop, connected: () => link.state === "online" });
const draft = new DraftView($("draft"), log);
const writing = new Writing();
const composer = new Composer(say, (text) => writing.put(chats.current, text));
const login = new Login(
  () => link.unlock(),
  () => link.state === "locked",
);

let resyncing = null;
let drawn = false;

function say(text) {
  chats.touch(text);
  outbox.add({ type: "send", chat: chats.current, text });
  log.toEnd();
}

function answer(entry, choice) {
  // The card is drawn anew, without what was pressed: the focus would be nowhere.
  const focused = ownKeyboard() && document.activeElement?.closest(".ask");
  log.chosen(entry.ask_id, choice);
  outbox.add({ type: "answer", chat: chats.current, ask_id: entry.ask_id, choice });
  if (focused) composer.focus();
}

/** On a touch screen the focus in a box brings up a keyboard over half of the page. */
function ownKeyboard() {
  return !matchMedia("(pointer: coarse)").matches;
}

function takeBack(item) {
  outbox.drop(item.frame.id);
  composer.fill(item.frame.text);
}

function drop(item) {
  outbox.drop(item.frame.id);
}

function hello() {
  link.send({ type: "hello", chat: chats.current });
}

/** Ask for the transcript again: what it says of questions and tools is the truth. Who asks all the time delays it no more. */
function resync() {
  resyncing ??= setTimeout(() => {
    resyncing = null;
    hello();
  }, RESYNC);
}

/** An entry that the page knows before the transcript tells it. */
function blank(entry) {
  return { id: 0, at: 0, answers: [], turn_id: "", state: "", tool: "", choices: [], ask_id: "", answer: "", ...entry };
}

function offerOlder(older) {
  $("older").hidden = !older || log.full;
}

const HANDLERS = {
  snapshot(frame) {
    if (frame.chat !== chats.current) return;
    if (!frame.drafting) draft.clear();
    // Where the reader has gone up already, the snapshot does not know what is above.
    offerOlder(log.snapshot(frame.entries) ? !$("older").hidden : frame.older);
    chats.learn(frame.entries.find(({ kind }) => kind === "user")?.text);
    drawn = true;
    redraw();
  },
  earlier(frame) {
    // What was asked for before the log was drawn anew may belong elsewhere.
    if (frame.chat !== chats.current || frame.before !== (log.first ?? 0)) return;
    log.prepend(frame.entries);
    offerOlder(frame.older);
  },
  accepted(frame) {
    outbox.accepted(frame.id);
  },
  refused(frame) {
    outbox.refused(frame.id, frame.reason, frame.retry);
  },
  error(frame) {
    if (frame.id) outbox.refused(frame.id, frame.reason, false);
  },
  message(frame) {
    if (frame.chat !== chats.current) return;
    const { kind, turn_id: turn } = frame.entry;
    if (kind === "answer" && turn && turn === draft.turn) {
      // Until the transcript tells what the tools did, their lines stay where they were seen.
      draft.tools.forEach((text, index) => log.upsert(blank({ kind: "running", key: `live-${turn}-${index}`, text })));
      draft.clear();
    }
    log.upsert({ ...frame.entry, marked: frame.marked });
    if (kind === "answer" || kind === "notice") resync();
    redraw();
  },
  answered(frame) {
    if (frame.chat === chats.current) log.chosen(frame.ask_id, frame.choice);
  },
  draft(frame) {
    if (frame.chat !== chats.current) return;
    draft.apply(frame);
    // The turn goes on: whatever it asked was answered elsewhere, or nobody answered in time.
    if (frame.state !== "waiting" && log.waitsIn(frame.turn_id)) resync();
    redraw();
  },
  tree(frame) {
    tree.show(frame.tree);
  },
};

function redraw() {
  log.pending(outbox.of(chats.current));
  $("welcome").hidden = !(drawn && log.empty && !draft.running);
  $("stop").hidden = !draft.running;
  $("title").textContent = chats.title;
  document.title = chats.title === UNNAMED ? "Hermes" : `${chats.title} · Hermes`;
}

const chatRows = new Rows($("chat-list"), {
  key: ({ id }) => id,
  looks: ({ id, title }) => JSON.stringify([title, id === chats.current]),
  make: ({ id, title }) => h("li", {}, h("a", { href: `#${id}`, "aria-current": id === chats.current ? "page" : undefined }, title)),
});

function drawChats() {
  chatRows.draw(chats.list);
}

function drawLink({ state, seconds, why }) {
  const words = { connecting: "Connecting", online: "Connected", locked: "Locked" };
  const text = words[state] ?? "Not connected";
  $("link").dataset.state = state;
  if ($("link-text").textContent !== text) $("link-text").textContent = text;
  $("link-now").hidden = state !== "offline";
  $("link-now").textContent = `Try now (${seconds} s)`;
  $("refused").hidden = !why;
  if ($("refused").textContent !== why) $("refused").textContent = why;
}

function showChats(open) {
  $("chats").classList.toggle("open", open);
  $("menu").setAttribute("aria-expanded", String(open));
  shade();
}

function showInside(open) {
  $("inside").hidden = !open;
  $("inside-button").setAttribute("aria-expanded", String(open));
  link.send({ type: "tree", on: open });
  shade();
  if (open) $("inside-close").focus();
  else $("inside-button").focus();
}

function shade() {
  $("shade").hidden = $("inside").hidden && !$("chats").classList.contains("open");
}

link.addEventListener("state", ({ detail }) => {
  const changed = $("link").dataset.state !== detail.state;
  drawLink(detail);
  if (changed) redraw();
  if (detail.state === "locked") login.ask();
  if (changed && detail.state !== "online") tree.lose();
});
link.addEventListener("commands", ({ detail }) => {
  composer.commands = detail;
});
link.addEventListener("open", () => {
  hello();
  if (!$("inside").hidden) link.send({ type: "tree", on: true });
  outbox.restart();
});
link.addEventListener("frame", ({ detail }) => {
  if (Object.hasOwn(HANDLERS, detail.type)) HANDLERS[detail.type](detail);
});

outbox.addEventListener("change", redraw);
outbox.addEventListener("lost", ({ detail: { frame, reason } }) => {
  log.reopen(frame.ask_id);
  announce(`Your answer was not taken: ${reason}`);
  resync();
});
outbox.addEventListener("accepted", ({ detail: { frame, at } }) => {
  if (frame.type === "send" && frame.chat === chats.current) {
    log.upsert(blank({ kind: "user", key: frame.id, text: frame.text, at, state: "pending" }));
  }
  redraw();
});

chats.addEventListener("change", drawChats);
chats.addEventListener("switch", () => {
  drawn = false;
  log.clear();
  draft.clear();
  $("older").hidden = true;
  composer.show(writing.of(chats.current));
  showChats(false);
  drawChats();
  redraw();
  hello();
  if (ownKeyboard()) composer.focus();
  announce(`Chat: ${chats.title}`);
});

document.querySelector(".skip").addEventListener("click", (event) => {
  // The address names the chat: it is no place for the way to the box.
  event.preventDefault();
  composer.focus();
});
$("new").addEventListener("click", () => chats.begin());
$("chat-list").addEventListener("click", () => showChats(false));
$("menu").addEventListener("click", () => showChats(!$("chats").classList.contains("open")));
$("link-now").addEventListener("click", () => link.open());
$("inside-button").addEventListener("click", () => showInside($("inside").hidden));
$("inside-close").addEventListener("click", () => showInside(false));
$("shade").addEventListener("click", () => {
  showChats(false);
  if (!$("inside").hidden) showInside(false);
});
$("stop").addEventListener("click", () => outbox.add({ type: "send", chat: chats.current, text: "/stop" }));
$("older").addEventListener("click", () => link.send({ type: "older", chat: chats.current, before: log.first ?? 0 }));
$("to-end").addEventListener("click", () => log.toEnd());
$("scroll").addEventListener("scroll", () => ($("to-end").hidden = log.atEnd), { passive: true });
addEventListener("online", () => link.open());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && link.state === "offline") link.open();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if ($("chats").classList.contains("open")) showChats(false);
  else if (!$("inside").hidden) showInside(false);
});

$("ideas").append(...IDEAS.map((idea) => h("button", { type: "button", onclick: () => composer.fill(idea) }, idea)));
composer.show(writing.of(chats.current));
drawChats();
redraw();
link.open();
if (ownKeyboard()) composer.focus();
