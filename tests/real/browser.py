"""Drives a real headless Chromium over its DevTools protocol: ``async with chromium() as page``.

The browser is one process group with a profile of its own. At the end, however it comes, the group is killed and so is
whatever else still runs on that profile; the profile is removed.

Every wait is bounded by ``WAIT`` seconds and raises ``AssertionError`` with what was waited for.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trio
from attrs import define, field
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

WAIT = 30.0
"""Seconds for the browser to do anything at all on a busy machine."""

POLL = 0.05
"""Seconds between two looks at a condition inside the page, which has no event of its own for it."""

EVENTS = 1000
"""Events of one page that are kept for a test to look at; older ones are dropped."""

MESSAGE_BYTES = 64 * 1024 * 1024
"""A screenshot in one message."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-breakpad",
    "--disable-sync",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--remote-debugging-port=0",
)


AIM = """async (selector) => {
  const frame = () => new Promise(requestAnimationFrame);
  const place = () => {
    const element = document.querySelector(selector);
    element.scrollIntoView({block: 'nearest'});
    const {x, y, width, height} = element.getBoundingClientRect();
    return {x: x + width / 2, y: y + height / 2};
  };
  let now = place();
  for (let last; last?.x !== now.x || last?.y !== now.y; now = place()) { last = now; await frame(); }
  const aimed = window.__aimed = {met: false, end: new AbortController()};
  const judge = (event) => {
    const met = event.composedPath().includes(document.querySelector(selector));
    if (event.type === 'click') aimed.met = met;
    if (!met) { event.preventDefault(); event.stopImmediatePropagation(); }
  };
  for (const type of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click']) {
    window.addEventListener(type, judge, {capture: true, signal: aimed.end.signal});
  }
  return now;
}"""
"""Where to press for an element that has come to rest. Until ``__aimed.end`` a press that misses it does nothing;
``__aimed.met`` tells whether a click met it."""


def find_chromium() -> str | None:
    """The program, or None when it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class PageError(AssertionError):
    """The browser refused a command, or a script in the page failed."""


@define(eq=False)
class _Reply:
    done: trio.Event = field(factory=trio.Event)
    message: dict[str, Any] = field(factory=dict)


@define(eq=False)
class Browser:
    """The process and its one DevTools connection."""

    _socket: WebSocketConnection
    _replies: dict[int, _Reply] = field(factory=dict)
    _pages: dict[str, "Page"] = field(factory=dict)
    _ids: "count[int]" = field(factory=lambda: count(1))

    async def open(self) -> "Page":
        """A new tab in the same profile."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"], target["targetId"])
        self._pages[attached["sessionId"]] = page
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.call(f"{domain}.enable")
        return page

    async def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol. Raises ``PageError`` with the browser's reason."""
        number = next(self._ids)
        reply = self._replies[number] = _Reply()
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        try:
            with bounded(method):
                await self._socket.send_message(json.dumps(message))
                await reply.done.wait()
        finally:
            del self._replies[number]
        if "error" in reply.message:
            raise PageError(f"{method}: {reply.message['error'].get('message')}")
        result: dict[str, Any] = reply.message["result"]
        return result

    async def listen(self) -> None:
        """Hand out replies and events until the browser ends."""
        with suppress(ConnectionClosed):
            while True:
                message = json.loads(await self._socket.get_message())
                if "id" in message:
                    reply = self._replies.get(message["id"])
                    if reply is not None:
                        reply.message = message
                        reply.done.set()
                elif (page := self._pages.get(message.get("sessionId", ""))) is not None:
                    page.note(message)


@define(eq=False)
class Page:
    """One tab."""

    browser: Browser
    _session: str
    _target: str
    events: list[dict[str, Any]] = field(factory=list)
    """The newest events of the tab, as the browser told them."""

    def note(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        del self.events[:-EVENTS]

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self.browser.call(method, self._session, **parameters)

    async def goto(self, url: str) -> None:
        """Open an address; returns when the document is complete."""
        answer = await self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise PageError(f"{url}: {answer['errorText']}")
        await self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def eval(self, expression: str) -> Any:
        """The value of an expression (a promise is awaited) as JSON has it."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    async def wait_for(self, expression: str) -> Any:
        """Wait until an expression is true as JavaScript has it; returns its value, or True for an element.

        A document that is being replaced, or an error inside the expression, counts as not yet.
        """
        looked_at = f"(() => {{ const found = ({expression}); return found instanceof Node ? true : found; }})()"
        with bounded(expression):
            while True:
                with suppress(PageError):
                    value = await self.eval(looked_at)
                    if value:
                        return value
                await trio.sleep(POLL)

    async def wait_for_element(self, selector: str) -> None:
        """Wait until something that matches is there and visible."""
        await self.wait_for(f"document.querySelector({json.dumps(selector)})?.checkVisibility()")

    async def text(self, selector: str) -> str:
        """What the first element that matches shows; fails when there is none."""
        return str(await self.eval(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def click(self, selector: str) -> None:
        """Press the mouse in the middle of the first element that matches, as a person would.

        A press that meets something else, because the element moved on or is covered, is kept from the page and made
        again: what stays covered is never clicked.
        """
        with bounded(f"a click that meets {selector}"):
            while True:
                async with self.holding(selector):
                    pass
                # A document that this very click has left tells nothing more.
                if await self.eval("window.__aimed?.met ?? true"):
                    return

    @asynccontextmanager
    async def holding(self, selector: str) -> AsyncIterator[None]:
        """The mouse is down in the middle of the first element that matches, and let go in the same place."""
        # A tab behind another one draws no frames.
        await self.call("Page.bringToFront")
        await self.wait_for_element(selector)
        place = await self.eval(f"({AIM})({json.dumps(selector)})")
        mouse = {"x": place["x"], "y": place["y"], "button": "left", "clickCount": 1}
        await self.call("Input.dispatchMouseEvent", type="mousePressed", **mouse)
        try:
            yield
        finally:
            await self.call("Input.dispatchMouseEvent", type="mouseReleased", **mouse)
            await self.eval("window.__aimed?.end.abort()")

    async def type(self, selector: str, text: str) -> None:
        """Click into a field and type a text into it."""
        await self.click(selector)
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key by its name: "Enter", "Tab", "Escape", "PageUp", "ArrowDown"."""
        code = {"Enter": 13, "Tab": 9, "Escape": 27, "PageUp": 33, "ArrowDown": 40, "ArrowUp": 38}[key]
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        text = {"text": "\r"} if key == "Enter" else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def viewport(self, width: int, height: int, *, mobile: bool = False) -> None:
        """The size of the window in CSS pixels; ``mobile``: a touch screen's layout."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    async def prefer(self, **features: str) -> None:
        """Media features: ``color_scheme="dark"``, ``reduced_motion="reduce"``."""
        named = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        await self.call("Emulation.setEmulatedMedia", features=named)

    async def screenshot(self, path: Path) -> None:
        """What the window shows, as a PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        await trio.Path(path).write_bytes(base64.b64decode(answer["data"]))

    async def close(self) -> None:
        await self.browser.call("Target.closeTarget", targetId=self._target)


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """A browser with an empty profile, and its first tab. Ended for sure, with everything that it started."""
    program = find_chromium()
    assert program is not None, "chromium is not installed"
    profile = tempfile.mkdtemp(prefix="hermes-chromium-")
    process = await _start(program, profile)
    try:
        with bounded("the start of the browser"):
            address = await _address(process)
        where = urlsplit(address)
        assert where.port is not None
        # The stream is ours to close: the library leaves it open when the other side went first.
        async with await trio.open_tcp_stream("127.0.0.1", where.port) as stream, trio.open_nursery() as nursery:
            with bounded("the handshake with the browser"):
                socket = await wrap_client_stream(
                    nursery, stream, where.netloc, where.path, max_message_size=MESSAGE_BYTES
                )
            browser = Browser(socket)
            nursery.start_soon(browser.listen)
            yield await browser.open()
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await _end(process, profile)


async def _start(program: str, profile: str) -> trio.Process:
    return await trio.lowlevel.open_process(
        [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TMPDIR"), profile),
    )


async def _address(process: trio.Process) -> str:
    assert process.stderr is not None
    said = b""
    async for chunk in process.stderr:
        said += chunk
        for line in said.splitlines():
            if line.startswith(b"DevTools listening on "):
                return line.removeprefix(b"DevTools listening on ").decode().strip()
    raise AssertionError(f"the browser ended: {said.decode(errors='replace')}")


async def _end(process: trio.Process, profile: str) -> None:
    """Kill the group, then whatever left it but still runs on the profile, until nothing is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    if process.stderr is not None:
        await process.stderr.aclose()
    with bounded("the end of the browser"):
        while left := _running_on(profile):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await trio.sleep(POLL)
    shutil.rmtree(profile, ignore_errors=True)


def _running_on(profile: str) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if profile.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
    return found


@contextmanager
def bounded(what: str) -> Iterator[None]:
    """Fails after ``WAIT`` seconds, naming what was waited for."""
    with trio.move_on_after(WAIT) as scope:
        yield
    if scope.cancelled_caught:
        raise AssertionError(f"waited {WAIT:g} s in vain for: {what}")
