"""What a model writes is shown, and never run: the page's own renderer in a real browser."""

import json
from typing import Any

import pytest

from adapters.web.adapter import WebAdapter
from adapters.web.chats import session_key
from hermes.events import Source
from tests.adapters.fakehost import FakeHost, outbound
from tests.real.browser import Page
from tests.real.conftest import online
from tests.real.pages import complaints

pytestmark = [pytest.mark.real, pytest.mark.browser]

SOURCE = Source("web", "local", "main")
SESSION = session_key("main")

ATTACKS = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg onload=window.hit=1>",
    "<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "[click](javascript:window.hit=1)",
    "[click](JaVaScRiPt:window.hit=1)",
    "[click](data:text/html,<script>opener.hit=1</script>)",
    '[click](https://example.org/" onmouseover="window.hit=1)',
    "[a](https://example.org/'><script>window.hit=1</script>)",
    '<https://example.org/"onclick="window.hit=1>',
    "<javascript:window.hit=1>",
    '![x](x" onerror="window.hit=1)',
    '```"><script>window.hit=1</script>\n<script>window.hit=1</script>\n```',
    "`<script>window.hit=1</script>`",
    "| <script>window.hit=1</script> | b |\n| --- | --- |\n| <img src=x onerror=window.hit=1> | [x](vbscript:x) |",
    "# <style>body { display: none }</style>",
    "> <form action=https://evil.example><input name=key></form>",
    "- <object data=x></object>\n- <embed src=x>\n- <base href=https://evil.example>",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "\x00<scr\x00ipt>window.hit=1</script>",
    "**<b onclick=window.hit=1>x</b>**",
    "[<img src=x onerror=window.hit=1>](https://example.org)",
)

ALLOWED = (
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "ul", "ol", "li", "strong", "em", "del", "a"),
    *("code", "pre", "figure", "figcaption", "span", "button", "div", "table", "thead", "tbody", "tr", "th", "td"),
)

# Everything below a rendered text that a text must never be able to make.
_UNSAFE = """
((root) => [...root.querySelectorAll("*")].filter((element) => {
  const names = element.getAttributeNames();
  const known = ["class", "href", "target", "rel", "start", "type", "tabindex", "role", "aria-label"];
  return !ALLOWED.includes(element.localName) || names.some((name) => !known.includes(name))
    || (element.localName === "a" && !/^https?:/.test(element.href))
    || (element.localName === "a" && element.rel !== "noopener noreferrer");
}).map((element) => element.outerHTML.slice(0, 200)))
""".replace("ALLOWED", json.dumps(ALLOWED))

_RANDOM = """
import("/page/markdown.js").then(({render}) => {
  const pieces = PIECES;
  let seed = 7;
  const next = (bound) => (seed = (seed * 1103515245 + 12345) % 2147483648) % bound;
  const found = [];
  for (let round = 0; round < 3000; round += 1) {
    const text = Array.from({length: 1 + next(40)}, () => pieces[next(pieces.length)]).join("");
    const root = document.createElement("div");
    render(root, text);
    found.push(...UNSAFE(root));
  }
  return found;
})
"""
_PIECES = (
    *("*", "_", "`", "```", "[", "](", ")", "<", ">", "http://a", "javascript:", "\n", "\n\n", "- ", "1. ", "# ", "> "),
    *("|", "---", " ", "a", "<b>", "~~", "\\", '"'),
)

_RENDERED = """
import("/page/markdown.js").then(({render}) => {
  const root = document.createElement("div");
  render(root, %s);
  return root.innerHTML;
})
"""


async def rendered(page: Page, text: str) -> str:
    return str(await page.eval(_RENDERED % json.dumps(text)))


async def test_no_answer_can_run_a_script_or_make_an_element_of_its_own(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(adapter.address)
    await online(page)
    for text in ATTACKS:
        await host.say(adapter, outbound(SOURCE, SESSION, text))
    await page.wait_for(f"document.querySelectorAll('#log .answer').length === {len(ATTACKS)}")
    assert await page.eval(f"[...document.querySelectorAll('#log .markdown')].flatMap({_UNSAFE})") == []
    assert await page.eval("window.hit") is None
    assert (
        await page.eval(
            "document.querySelectorAll('img, iframe, script:not([src]), style, object, embed, form form').length"
        )
        == 0
    )
    shown = await page.eval("[...document.querySelectorAll('#log .answer')].map((answer) => answer.innerText)")
    assert all(
        "hit" in text for text, attack in zip(shown, ATTACKS, strict=True) if attack.startswith("<") and "hit" in attack
    )
    assert await complaints(page) == []


async def test_a_message_of_the_person_is_shown_as_it_was_written(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    text = "**not bold** <b>nor this</b>\n  two lines"
    host.remember(SESSION, host.entry("user", text, key="u1"), host.entry("tool", text, key="t1", tool="<i>x</i>"))
    await page.goto(adapter.address)
    await online(page)
    await page.wait_for("document.querySelector('#log .bubble')")
    assert await page.eval("document.querySelector('#log .bubble').textContent") == text
    assert await page.eval(
        "document.querySelectorAll('#log b, #log i').length === document.querySelectorAll('.tool b').length"
    )


async def test_random_markup_makes_nothing_unsafe_and_ends(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    script = _RANDOM.replace("PIECES", json.dumps(_PIECES)).replace("UNSAFE", _UNSAFE)
    assert await page.eval(script) == []


async def test_no_text_makes_the_page_hang(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    size = 50_000
    for unit in (
        "*a ",
        "**a",
        "_a ",
        "`",
        "` ``",
        "[",
        "[a](",
        "[a](http://x",
        "<http://",
        "> ",
        "- ",
        "  - ",
        "1. ",
        "# ",
        "|",
        "|-",
        "~~",
        "\\",
        " ",
        "-" + " " * 50,
        "``` `",
        "h",
        "*_",
    ):
        text = (unit * (size // len(unit) + 1))[:size]
        for hostile in (text, text + "x", text.replace(" ", "\n"), "# " + text + "#x", "|a\n|-" + text):
            await rendered(page, hostile)


LINK = '<a href="%s" target="_blank" rel="noopener noreferrer">%s</a>'
DRAWN = (
    ("plain", "<p>plain</p>"),
    ("two\nlines", "<p>two<br>lines</p>"),
    ("a\n\nb", "<p>a</p><p>b</p>"),
    ("# A #\n\n### B", "<h1>A</h1><h3>B</h3>"),
    ("#no", "<p>#no</p>"),
    ("**b** *i* __b__ _i_ ~~d~~", "<p><strong>b</strong> <em>i</em> <strong>b</strong> <em>i</em> <del>d</del></p>"),
    ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
    ("snake_case_name and 2*3*4 = 24", "<p>snake_case_name and 2<em>3</em>4 = 24</p>"),
    ("5 * 3 * 2", "<p>5 * 3 * 2</p>"),
    ("`a*b*` ``c`d``", "<p><code>a*b*</code> <code>c`d</code></p>"),
    ("an open ` tick", "<p>an open ` tick</p>"),
    (r"\*not\* \# \`x\`", "<p>*not* # `x`</p>"),
    ("- a\n- b\n  - c\n\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
    ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    ("- a\n1. b", '<ul><li>a</li></ul><ol start="1"><li>b</li></ol>'),
    ("text\n- a\n- b\n\nafter", "<p>text</p><ul><li>a</li><li>b</li></ul><p>after</p>"),
    ("In\n2024. it rained", "<p>In<br>2024. it rained</p>"),
    ("> a\n> - b\n\nc", "<blockquote><p>a</p><ul><li>b</li></ul></blockquote><p>c</p>"),
    ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
    (
        "(see http://a.example/x_(y), ok)",
        f"<p>(see {LINK % ('http://a.example/x_(y)', 'http://a.example/x_(y)')}, ok)</p>",
    ),
    ("[t](https://a.example/x_(y)?q=1)", f"<p>{LINK % ('https://a.example/x_(y)?q=1', 't')}</p>"),
    ("[**t**](https://a.example)", f"<p>{LINK % ('https://a.example/', '<strong>t</strong>')}</p>"),
    ("[t](ftp://a.example) <mailto:a@b.c>", "<p>[t](ftp://a.example) &lt;mailto:a@b.c&gt;</p>"),
    ("(http://a.example).", f"<p>({LINK % ('http://a.example/', 'http://a.example')}).</p>"),
)


async def test_markdown_is_drawn(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    assert {text: await rendered(page, text) for text, _ in DRAWN} == dict(DRAWN)


async def test_code_keeps_every_character(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    code = "  if a < b && `c`:\n\treturn '**x**'\n\n```\n    # end"
    script = f"""
        import("/page/markdown.js").then(({{render}}) => {{
          const root = document.createElement("div");
          render(root, {json.dumps(f"````python{chr(10)}{code}{chr(10)}````")});
          return [root.querySelector("code").textContent, root.querySelector("figcaption span").textContent];
        }})
    """
    assert await page.eval(script) == [code, "python"]


INDENTED = (
    ("1. first\n\n       ```py\n       if a:\n           b\n       ```\n2. second", "if a:\n    b"),
    ("- a\n        ~~~\n        b\n    c\n        ~~~\n- d", "b\nc"),
    ("text\n     ```\n     a\n       b\n\n  c\n     ```\nafter", "a\n  b\n\nc"),
    ("- a\n  - b\n    - c\n\n          ```\n          d\n          ```", "d"),
    ("\t```\n\t\ta\n\tb\n\t```", "\ta\nb"),
    ("  ```\n\ta\n  b\n  ```", "\ta\nb"),
)


async def test_an_indented_fence_is_one_and_its_indentation_is_no_part_of_the_code(
    page: Page, adapter: WebAdapter
) -> None:
    await page.goto(adapter.address)
    script = """
        import("/page/markdown.js").then(({render}) => {
          const root = render(document.createElement("div"), %s);
          const code = [...root.querySelectorAll("pre code")].map((each) => each.textContent);
          return [code, /[`~]{3}/.test(root.textContent)];
        })
    """
    for text, code in INDENTED:
        assert await page.eval(script % json.dumps(text)) == [[code], False], text


async def test_a_growing_text_keeps_the_elements_that_did_not_change(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    kept: Any = await page.eval(
        """
        import("/page/markdown.js").then(({render}) => {
          const root = document.createElement("div");
          render(root, "# Title\\n\\nfirst");
          const [title, first] = root.children;
          render(root, "# Title\\n\\nfirst and more\\n\\n- last");
          return [root.children[0] === title, root.children[1] === first, root.children.length, root.textContent];
        })
        """
    )
    assert kept == [True, False, 3, "Titlefirst and morelast"]
