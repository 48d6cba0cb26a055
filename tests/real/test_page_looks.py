"""How the page looks: on a phone, in the dark, without motion."""

import pytest
from attrs import evolve

from adapters.web.adapter import WebAdapter
from adapters.web.chats import session_key
from hermes.errors import StoreFull
from hermes.events import DraftState, OutboundKind, Source
from hermes.status import Failure, LivenessStatus, MailboxStatus, State
from tests.adapters.fakehost import FakeHost, draft, outbound, worker
from tests.real.browser import Page
from tests.real.conftest import online
from tests.real.pages import low_contrasts, overflowing

pytestmark = [pytest.mark.real, pytest.mark.browser]

SOURCE = Source("web", "local", "main")
SESSION = session_key("main")
WIDE = "w" * 300
ANSWER = f"""# A title {WIDE}

Some **text** with `code {WIDE}` and https://example.org/{WIDE}

```python
{WIDE} = 1
```

| a | {WIDE} |
| - | ------ |
| 1 | 2      |

> quoted {WIDE}

1. one
   - {WIDE}
"""
TREE = worker(
    "root",
    children=(
        worker("store", mailbox=MailboxStatus(3, 256), liveness=LivenessStatus(1, 30)),
        worker(f"conversation-{WIDE}", liveness=LivenessStatus(90, 30)),
        worker(
            "delivery", state=State.BACKOFF, restarts=3, next_try=2e9, failure=Failure(f"OSError: {WIDE}", 1.0, False)
        ),
    ),
)


async def fill(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    """A chat with everything in it, with a running draft and a message that is not taken."""
    host.tree = TREE
    host.remember(
        SESSION,
        host.entry("user", f"Hello {WIDE}", key="u1", state="dead"),
        host.entry("tool", f"ls {WIDE}\nand more", key="t1", tool="terminal"),
        host.entry("answer", ANSWER, key="a1"),
        host.entry("notice", f"A notice {WIDE}", key="n1"),
    )
    await page.goto(adapter.address)
    await online(page)
    ask = outbound(SOURCE, SESSION, f"May I?\n\n```\nrm {WIDE}\n```", kind=OutboundKind.ASK, ask_id="ask-1")
    await host.say(adapter, evolve(ask, choices=("once", "session", "always", "deny")))
    await host.say(adapter, evolve(ask, key="ask-2", ask_id="ask-2", choices=()))
    await adapter.show_draft(draft(SOURCE, SESSION, f"So far {WIDE}", state=DraftState.TOOL, tool=f"terminal: {WIDE}"))
    host.failures.extend([StoreFull("full")] * 100)
    await page.type("#text", f"Not yet {WIDE}")
    await page.press("Enter")
    await page.wait_for("document.querySelector('#pending .note')?.innerText.includes('disk is full')")
    await page.wait_for("document.querySelector('#draft .tool') && document.querySelectorAll('.ask').length === 2")


async def test_nothing_on_a_phone_reaches_beyond_its_edge(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.viewport(360, 740, mobile=True)
    await fill(page, adapter, host)
    assert await page.eval("document.documentElement.scrollWidth") == 360
    assert await page.eval(
        "document.querySelector('#scroll').scrollWidth <= document.querySelector('#scroll').clientWidth"
    )
    assert await overflowing(page) == []
    await page.click("#inside-button")
    await page.wait_for_element(".node")
    assert await overflowing(page) == []


async def test_what_a_finger_presses_on_a_phone_is_large_enough(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.viewport(360, 740, mobile=True)
    await fill(page, adapter, host)
    small = await page.eval(
        "[...document.querySelectorAll('.bar button, .composer button, .choices button')]"
        ".filter((button) => button.checkVisibility()).map((button) => button.getBoundingClientRect())"
        ".filter(({width, height}) => width < 36 || height < 36).length"
    )
    assert small == 0


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_every_text_stands_out_from_its_ground(
    page: Page, adapter: WebAdapter, host: FakeHost, scheme: str
) -> None:
    await page.viewport(1400, 900)
    await page.prefer(color_scheme=scheme)
    await page.goto(adapter.address)
    await online(page)
    await page.wait_for_element("#welcome")
    assert await low_contrasts(page) == []
    await fill(page, adapter, host)
    await page.click("#inside-button")
    await page.wait_for_element(".node")
    await page.type("#text", "/")
    await page.wait_for_element("#commands li")
    ground = await page.eval("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60) is (scheme == "dark")
    assert await low_contrasts(page) == []


async def test_nothing_moves_for_whoever_asked_for_stillness(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.prefer(reduced_motion="reduce")
    await page.goto(adapter.address)
    await online(page)
    await adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.THINKING))
    await page.wait_for_element(".dots i")
    moving = "document.getAnimations().filter((one) => one.playState === 'running').length === 0"
    assert await page.wait_for(moving)
    assert await page.eval("getComputedStyle(document.querySelector('.dots i')).animationDuration") == "1e-05s"


async def test_everything_that_can_be_pressed_has_a_name_and_is_reached_by_the_keyboard(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.viewport(1400, 900)
    await fill(page, adapter, host)
    nameless = await page.eval(
        "[...document.querySelectorAll('button, a, input, textarea')].filter((element) => element.checkVisibility())"
        ".filter((element) => !(element.innerText.trim() || element.ariaLabel || element.labels?.length))"
        ".map((element) => element.outerHTML)"
    )
    assert nameless == []
    await page.eval("document.activeElement.blur()")
    reached: set[str] = set()
    for _ in range(60):
        await page.press("Tab")
        reached.add(await page.eval("document.activeElement.id || document.activeElement.textContent"))
    assert {"text", "stop", "inside-button", "new", "Allow once", "Deny", "Copy"} <= reached
