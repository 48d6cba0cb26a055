// Building elements. Nothing on this page parses HTML: text enters the document as text nodes only.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties and children; a child is a node, a string, or null for none. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list" && !name.startsWith("aria-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** One of the symbols of index.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

export const $ = (id) => document.getElementById(id);

let announced;

/** Say something to a screen reader, once. */
export function announce(text) {
  clearTimeout(announced);
  $("announce").textContent = "";
  announced = setTimeout(() => ($("announce").textContent = text.slice(0, 600)), 50);
}

/** Put text on the clipboard; true when it is there. Without TLS a browser offers only the old way. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = h("textarea", { class: "unseen", value: text, "aria-hidden": "true" });
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

/** An id that nobody else mints: [a-z0-9]{20}. */
export function mint() {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return Array.from(bytes, (byte) => "abcdefghijklmnopqrstuvwxyz012345"[byte & 31]).join("");
}
