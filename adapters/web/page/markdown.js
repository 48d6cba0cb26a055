// Markdown to elements: what a model writes cannot become a script, because it only ever becomes text nodes, a fixed set
// of tags, and links to http and https. Pure up to `render`: `blocks` and `inline` return plain values.
//
// Every pattern is bounded or linear, and nesting stops at DEPTH, so that no text makes the page hang.

import { copy, h } from "/page/dom.js";

const DEPTH = 6;
// Indented by any number of blanks: it may stand below an item of a list, however deep the model thinks that is.
const FENCE = /^([ \t]*)(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(\S.*)$/;
const LONGEST_ROW = 2000;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const QUOTE = /^ {0,3}>\s?(.*)$/;
const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** Split a text into blocks: {kind, ...}, each with the `source` that it was made from. */
export function blocks(text, depth = 0) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    block.source = lines.slice(at, next).join("\n");
    found.push(block);
    at = next;
  }
  return found;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return readFence(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ kind: "heading", level: heading[1].length, text: withoutHashes(heading[2]) }, at + 1];
  if (RULE.test(line)) return [{ kind: "rule" }, at + 1];
  if (QUOTE.test(line) && depth < DEPTH) return readQuote(lines, at, depth);
  if (ITEM.test(line) && depth < DEPTH) return readList(lines, at, depth);
  return startsTable(lines, at) ? readTable(lines, at) : readParagraph(lines, at, depth);
}

function withoutHashes(text) {
  let end = text.trimEnd().length;
  while (text[end - 1] === "#") end -= 1;
  return end === 0 || /\s/.test(text[end - 1]) ? text.slice(0, end).trimEnd() : text.trimEnd();
}

function startsTable(lines, at) {
  const divider = lines[at + 1] ?? "";
  return lines[at].includes("|") && divider.includes("|") && divider.length < LONGEST_ROW && DIVIDER.test(divider);
}

function readFence(lines, at, [, indent, mark, information]) {
  const language = information.trim().split(/\s/, 1)[0].slice(0, 40);
  const code = [];
  let next = at + 1;
  for (; next < lines.length; next += 1) {
    const closing = lines[next].trim();
    if (closing.length >= mark.length && closing === mark[0].repeat(closing.length)) {
      return [{ kind: "code", language, text: code.join("\n"), closed: true }, next + 1];
    }
    code.push(outdented(lines[next], indent));
  }
  return [{ kind: "code", language, text: code.join("\n"), closed: false }, next];
}

/** A line of code without the indentation of its fence, or what it has of it. */
function outdented(line, indent) {
  let same = 0;
  while (same < indent.length && line[same] === indent[same]) same += 1;
  return line.slice(same);
}

function readQuote(lines, at, depth) {
  const inner = [];
  let next = at;
  for (; next < lines.length; next += 1) {
    const quoted = QUOTE.exec(lines[next]);
    if (!quoted) break;
    inner.push(quoted[1]);
  }
  return [{ kind: "quote", blocks: blocks(inner.join("\n"), depth + 1) }, next];
}

function readList(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  const ordered = /\d/.test(first[2]);
  const items = [];
  let content = 0;
  let next = at;
  for (; next < lines.length; next += 1) {
    const line = lines[next];
    const item = ITEM.exec(line);
    const indent = line.search(/\S|$/);
    if (item && indent < first[1].length + 2 && /\d/.test(item[2]) === ordered && !RULE.test(line)) {
      items.push([item[4]]);
      content = item[1].length + item[2].length + 1;
    } else if (!line.trim()) {
      const following = lines[next + 1];
      if (following === undefined || (following.search(/\S|$/) < content && !ITEM.test(following))) break;
      items.at(-1).push("");
    } else if (indent >= Math.min(content, first[1].length + 2)) {
      items.at(-1).push(line.slice(Math.min(indent, content)));
    } else if (!item && lines[next - 1].trim() && !startsBlock(line)) {
      items.at(-1).push(line.trim());
    } else break;
  }
  const start = ordered ? Number.parseInt(first[2], 10) : 1;
  return [{ kind: "list", ordered, start, items: items.map((item) => blocks(item.join("\n"), depth + 1)) }, next];
}

function readTable(lines, at) {
  const rows = [];
  let next = at + 2;
  for (; next < lines.length && lines[next].includes("|") && lines[next].trim(); next += 1) rows.push(cells(lines[next]));
  return [{ kind: "table", head: cells(lines[at]), rows }, next];
}

function cells(line) {
  const parts = line.trim().replace(/^\|/, "").replace(/\|$/, "").split(/(?<!\\)\|/);
  return parts.map((part) => part.trim().replace(/\\\|/g, "|"));
}

function startsBlock(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line);
}

function readParagraph(lines, at, depth) {
  let next = at + 1;
  while (next < lines.length && lines[next].trim() && !startsBlock(lines[next])) {
    const item = ITEM.exec(lines[next]);
    if (item && depth < DEPTH && item[4] && (/[-*+]/.test(item[2]) || /^1[.)]/.test(item[2]))) break;
    next += 1;
  }
  return [{ kind: "paragraph", text: lines.slice(at, next).map((line) => line.trim()).join("\n") }, next];
}

const LINK = /\[((?:[^[\]\\\n]|\\.){0,500})\]\(\s*(https?:\/\/[^\s()<>]{1,2000}(?:\([^\s()<>]{0,500}\)[^\s()<>]{0,500})?)(?:\s+"[^"\n]{0,200}")?\s*\)/y;
const BARE = /https?:\/\/[^\s<>"`]{1,2000}/y;
const ANGLE = /<(https?:\/\/[^\s<>]{1,2000})>/y;
const PAIRS = [["**", "strong"], ["__", "strong"], ["~~", "del"], ["*", "em"], ["_", "em"]];

/** Split the text of a block into pieces: strings, and {kind, ...} with their own pieces. */
export function inline(text, depth = 0) {
  const pieces = [];
  const missing = new Set();
  let plain = "";
  let at = 0;
  const push = (piece, length) => {
    if (plain) pieces.push(plain);
    plain = "";
    pieces.push(piece);
    at += length;
  };
  while (at < text.length) {
    const character = text[at];
    const next = text[at + 1];
    if (character === "\\" && next && /[\\`*_{}[\]()#+\-.!~|<>]/.test(next)) {
      plain += next;
      at += 2;
      continue;
    }
    const found = SPECIAL.has(character) ? special(text, at, depth, missing) : null;
    if (found) push(...found);
    else if (character === "`") {
      // A run that nothing closes is text as a whole, so that its parts are not tried again.
      const run = /`+/y;
      run.lastIndex = at;
      const ticks = run.exec(text)[0];
      plain += ticks;
      at += ticks.length;
    } else {
      plain += character;
      at += 1;
    }
  }
  if (plain) pieces.push(plain);
  return pieces;
}

const SPECIAL = new Set(["`", "[", "<", "h", "*", "_", "~", "\n"]);

function special(text, at, depth, missing) {
  const character = text[at];
  if (character === "\n") return [{ kind: "break" }, 1];
  if (character === "`") return codeSpan(text, at, missing);
  if (character === "[") return link(LINK, text, at, depth);
  if (character === "<") return link(ANGLE, text, at, depth);
  if (character === "h") return /\w/.test(text[at - 1] ?? " ") ? null : bare(text, at);
  return depth < DEPTH ? emphasis(text, at, depth, missing) : null;
}

function codeSpan(text, at, missing) {
  const run = /`+/y;
  run.lastIndex = at;
  const ticks = run.exec(text)[0];
  if (missing.has(ticks)) return null;
  let end = at + ticks.length;
  for (;;) {
    end = text.indexOf(ticks, end);
    if (end === -1) {
      missing.add(ticks);
      return null;
    }
    let after = end + ticks.length;
    if (text[after] !== "`") break;
    while (text[after] === "`") after += 1;
    end = after;
  }
  const code = text.slice(at + ticks.length, end).replace(/\n/g, " ");
  const trimmed = /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code;
  return [{ kind: "code", text: trimmed }, end + ticks.length - at];
}

function link(pattern, text, at, depth) {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (!match) return null;
  const address = match[2] ?? match[1];
  const label = match[2] ? inline(match[1], Math.max(depth + 1, DEPTH - 1)) : [address];
  return [{ kind: "link", address, pieces: label.length ? label : [address] }, match[0].length];
}

function bare(text, at) {
  BARE.lastIndex = at;
  const match = BARE.exec(text);
  if (!match) return null;
  let address = match[0].replace(/[.,;:!?'*_~]+$/, "");
  // A closing bracket belongs to the sentence unless it was opened inside the address.
  while (/[)\]]$/.test(address) && !/[([]/.test(address)) address = address.slice(0, -1);
  return [{ kind: "link", address, pieces: [address] }, address.length];
}

function emphasis(text, at, depth, missing) {
  for (const [mark, kind] of PAIRS) {
    if (!text.startsWith(mark, at) || missing.has(mark)) continue;
    const begin = at + mark.length;
    if (!/\S/.test(text[begin] ?? " ") || (mark[0] === "_" && /\w/.test(text[at - 1] ?? " "))) continue;
    const end = closing(text, begin, mark);
    if (end === -1) {
      missing.add(mark);
      continue;
    }
    return [{ kind, pieces: inline(text.slice(begin, end), depth + 1) }, end + mark.length - at];
  }
  return null;
}

function closing(text, begin, mark) {
  for (let end = text.indexOf(mark, begin + 1); end !== -1; end = text.indexOf(mark, end + 1)) {
    if (!/\S/.test(text[end - 1]) || text[end - 1] === "\\") continue;
    if (mark[0] === "_" && /\w/.test(text[end + mark.length] ?? " ")) continue;
    if (mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark)) continue;
    return end;
  }
  return -1;
}

/** Make `container` show `text`; blocks that did not change keep their elements, and with them a reader's selection. */
export function render(container, text) {
  const fresh = blocks(text);
  const known = container.blockSources ?? [];
  let same = 0;
  while (same < fresh.length && same < known.length && fresh[same].source === known[same]) same += 1;
  while (container.childNodes.length > same) container.lastChild.remove();
  container.append(...fresh.slice(same).map(blockElement));
  container.blockSources = fresh.map((block) => block.source);
  return container;
}

function blockElement(block) {
  switch (block.kind) {
    case "code":
      return codeElement(block);
    case "heading":
      return h(`h${block.level}`, {}, inlineNodes(block.text));
    case "rule":
      return h("hr");
    case "quote":
      return h("blockquote", {}, block.blocks.map(blockElement));
    case "list":
      return h(block.ordered ? "ol" : "ul", block.ordered ? { start: block.start } : {}, block.items.map(itemElement));
    case "table":
      return tableElement(block);
    default:
      return h("p", {}, inlineNodes(block.text));
  }
}

function itemElement(item) {
  const tight = item.length && item[0].kind === "paragraph";
  return h("li", {}, tight ? [...inlineNodes(item[0].text), ...item.slice(1).map(blockElement)] : item.map(blockElement));
}

function tableElement({ head, rows }) {
  const row = (tag, texts) => h("tr", {}, head.map((_, column) => h(tag, {}, inlineNodes(texts[column] ?? ""))));
  const table = h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, rows.map((texts) => row("td", texts))));
  return h("div", { class: "table", tabIndex: 0, role: "group", "aria-label": "Table" }, table);
}

function codeElement({ language, text }) {
  const button = h("button", { type: "button", class: "text-button" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text)) ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  const pre = h("pre", { tabIndex: 0, role: "group", "aria-label": "Code" }, h("code", {}, text));
  return h("figure", {}, h("figcaption", {}, h("span", {}, language || "code"), button), pre);
}

function inlineNodes(text) {
  return inline(text).map(pieceNode);
}

function pieceNode(piece) {
  if (typeof piece === "string") return document.createTextNode(piece);
  if (piece.kind === "break") return h("br");
  if (piece.kind === "code") return h("code", {}, piece.text);
  const inner = piece.pieces.map(pieceNode);
  if (piece.kind !== "link") return h(piece.kind, {}, inner);
  const address = webAddress(piece.address);
  return address ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, inner) : h("span", {}, inner);
}

function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
