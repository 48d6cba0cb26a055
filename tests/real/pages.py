"""Measures that a browser test takes of a page, as expressions to evaluate in it."""

from tests.real.browser import Page

# Each visible text with the contrast between its colour and what lies behind it (WCAG 2.2, "contrast ratio"). Disabled
# controls are exempt there and here.
_CONTRASTS = r"""
(() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return text.startsWith("color(srgb") ? {r: 255 * r, g: 255 * g, b: 255 * b, a} : {r, g, b, a};
  };
  const over = (top, base) => {
    const mix = (name) => top[name] * top.a + base[name] * (1 - top.a);
    return {r: mix("r"), g: mix("g"), b: mix("b"), a: 1};
  };
  const luminance = ({r, g, b}) => {
    const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(parse(getComputedStyle(at).backgroundColor));
    return layers.reduce((base, layer) => over(layer, base), {r: 255, g: 255, b: 255, a: 1});
  };
  const opacity = (element) => {
    let product = 1;
    for (let at = element; at; at = at.parentElement) product *= Number(getComputedStyle(at).opacity);
    return product;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, :disabled, .unseen, .skip")) continue;
    if (!element.checkVisibility({visibilityProperty: true})) continue;
    const base = behind(element);
    const ink = parse(getComputedStyle(element).color);
    const shown = over({...ink, a: ink.a * opacity(element)}, base);
    const [light, dark] = [luminance(base), luminance(shown)].sort((one, other) => other - one);
    found.push({text: node.data.trim().slice(0, 40), ratio: (light + 0.05) / (dark + 0.05)});
  }
  return found;
})()
"""

_OVERFLOWING = r"""
[...document.body.querySelectorAll("*")].filter((element) => {
  const style = getComputedStyle(element);
  const scrolls = ["auto", "scroll", "hidden", "clip"].includes(style.overflowX);
  return element.checkVisibility() && !scrolls && element.getBoundingClientRect().right > innerWidth + 1
    && !element.closest("pre, .table, [role=listbox], .chats");
}).map((element) => element.outerHTML.slice(0, 120))
"""


async def low_contrasts(page: Page, least: float = 4.5) -> list[str]:
    """Every visible text whose contrast is below ``least``, with the ratio."""
    found = await page.eval(_CONTRASTS)
    assert len(found) > 5, "too little text was found to measure"
    return [f"{item['ratio']:.2f} {item['text']}" for item in found if item["ratio"] < least]


async def overflowing(page: Page) -> list[str]:
    """What reaches beyond the right edge of the window without a box of its own that scrolls."""
    return list(await page.eval(_OVERFLOWING))


async def complaints(page: Page) -> list[str]:
    """Errors that the page's scripts raised, and violations of its policy."""
    found = [event for event in page.events if event["method"] == "Runtime.exceptionThrown"]
    logged = [event["params"]["entry"] for event in page.events if event["method"] == "Log.entryAdded"]
    return [event["params"]["exceptionDetails"]["text"] for event in found] + [
        entry["text"] for entry in logged if entry["level"] == "error" and entry["source"] in {"security", "javascript"}
    ]
