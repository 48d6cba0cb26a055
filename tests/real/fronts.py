"""The three ways to talk to the agent, as a person or a program has them: ``hermes chat``, the page and the API."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import trio

from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.real.pseudo_terminal import CTRL_D, ENTER, Terminal, terminal
from tests.real.vt import Screen


class Front(Protocol):
    """Who talks, over any number of kills and starts."""

    async def say(self, name: str, words: str) -> str:
        """Send ``name: words``; returns the answer, which begins with ``name``."""
        ...

    async def begin(self, name: str, words: str) -> None:
        """Send it, and wait for nothing."""
        ...

    async def answer(self, name: str) -> str:
        """Wait for the answer to what was begun."""
        ...

    async def command(self, text: str) -> None:
        """Run a slash command, and wait for its answer."""
        ...

    async def told(self, text: str) -> None:
        """Wait until the chat shows ``text`` by itself, or with the next answer where nothing comes by itself."""
        ...

    async def kill(self) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class _OfGateway:
    """Talks to a gateway, which is what is killed."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def kill(self) -> None:
        await self._gateway.kill()

    async def start(self) -> None:
        await self._gateway.start()

    async def stop(self) -> None:
        assert await self._gateway.stop() == 0


class PageFront(_OfGateway):
    """A page in a browser, as the gateway sees it."""

    def __init__(self, gateway: Gateway, page: Page) -> None:
        super().__init__(gateway)
        self._page = page
        self._commands = 0

    async def say(self, name: str, words: str) -> str:
        await self.begin(name, words)
        return await self.answer(name)

    async def begin(self, name: str, words: str) -> None:
        await self._page.send(name, f"{name}: {words}")

    async def answer(self, name: str) -> str:
        text = await self._page.until_answered(name)
        assert len(self._page.answers(name)) == 1
        return text

    async def command(self, text: str) -> None:
        self._commands += 1
        name = f"command{self._commands}"
        await self._page.send(name, text)
        await self._page.until_answered(name)

    async def told(self, text: str) -> None:
        while not any(text in str(entry.get("text", "")) for entry in self._page.entries.values()):
            await trio.sleep(0.05)


class ApiFront(_OfGateway):
    """A program: each request has a key, and is repeated until it is answered."""

    def __init__(self, gateway: Gateway, nursery: trio.Nursery) -> None:
        super().__init__(gateway)
        self._nursery = nursery
        self._answers: dict[str, str] = {}
        self._session = ""
        self._commands = 0

    async def say(self, name: str, words: str) -> str:
        await self.begin(name, words)
        return await self.answer(name)

    async def begin(self, name: str, words: str) -> None:
        self._nursery.start_soon(self._ask, name, f"{name}: {words}")

    async def answer(self, name: str) -> str:
        while name not in self._answers:
            await trio.sleep(0.02)
        return self._answers[name]

    async def command(self, text: str) -> None:
        if text == "/new":
            self._session = ""
            return
        self._commands += 1
        await self._ask(f"command{self._commands}", text)

    async def told(self, text: str) -> None:
        """A program asks; what came meanwhile is in the session then."""
        while not any(text in answer for answer in self._answers.values()):
            self._commands += 1
            name = f"asked{self._commands}"
            if "was told" in await self.say(name, f"HEARD {text}"):
                return
            await trio.sleep(0.1)

    async def _ask(self, name: str, text: str) -> None:
        session = {"X-Hermes-Session-Id": self._session} if self._session else {}
        body = {"model": "hermes-agent", "messages": [{"role": "user", "content": text}]}
        url = f"http://127.0.0.1:{self._gateway.port}/v1/chat/completions"
        async with httpx.AsyncClient(timeout=60) as client:
            while True:
                try:
                    reply = await client.post(url, json=body, headers={"Idempotency-Key": name, **session})
                except httpx.TransportError:
                    reply = None
                if reply is not None and reply.status_code != 503:
                    break
                await trio.sleep(0.1)
        answered: Any = reply.json()
        if reply.status_code == 200:
            self._session = reply.headers["X-Hermes-Session-Id"]
            self._answers[name] = answered["choices"][0]["message"]["content"]
        else:
            self._answers[name] = answered["error"]["message"]


class ChatFront:
    """A person at a terminal."""

    def __init__(self, home: Path, nursery: trio.Nursery) -> None:
        self._home = home
        self._nursery = nursery
        self._closing = trio.Event()
        self._terminal: Terminal | None = None
        self._goes_on = False

    @property
    def chat(self) -> Terminal:
        assert self._terminal is not None
        return self._terminal

    async def say(self, name: str, words: str) -> str:
        await self.begin(name, words)
        return await self.answer(name)

    async def begin(self, name: str, words: str) -> None:
        await self.chat.see_status("ready")
        await self.chat.type(f"{name}: {words}", ENTER)

    async def answer(self, name: str) -> str:
        """Printed, and no longer the draft of it."""
        found = ""

        def stands(screen: Screen) -> bool:
            nonlocal found
            found = _answer(screen.text, name)
            return bool(found) and _status(screen).startswith("ready")

        await self.chat.until(stands)
        return found

    async def command(self, text: str) -> None:
        await self.chat.see_status("ready")
        await self.chat.type(text, ENTER)
        await self.chat.see(f"> {text}")
        await self.chat.see_status("ready")

    async def told(self, text: str) -> None:
        await self.chat.until(lambda screen: text in " ".join(screen.text.split()))

    async def kill(self) -> None:
        self.chat.process.kill()
        await self.chat.ended()
        self._closing.set()

    async def start(self) -> None:
        arguments = ("--continue",) if self._goes_on else ()
        self._goes_on = True
        self._terminal = await self._nursery.start(self._open, *arguments)
        await self.chat.see_status("ready")

    async def stop(self) -> None:
        await self.chat.see_status("ready")
        await self.chat.type(CTRL_D)
        assert await self.chat.ended() == 0
        self._closing.set()

    async def _open(self, *arguments: str, task_status: trio.TaskStatus[Terminal]) -> None:
        closing = self._closing = trio.Event()
        environment = {"HERMES_HOME": str(self._home)}
        async with terminal("chat", *arguments, cwd=self._home, environment=environment, columns=400) as opened:
            task_status.started(opened)
            await closing.wait()


def _status(screen: Screen) -> str:
    return next((line for line in reversed(screen.lines) if line), "")


def _answer(text: str, name: str) -> str:
    """The line of the answer; what was asked stands behind ``>`` or with a colon."""
    found = re.findall(rf"^ *({name} (?:gave|is|was) .*)$", text, re.MULTILINE)
    return str(found[-1]) if found else ""


@asynccontextmanager
async def _page(gateway: Gateway) -> AsyncIterator[Front]:
    page = Page(gateway.port, "day")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page.run)
        yield PageFront(gateway, page)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _api(gateway: Gateway) -> AsyncIterator[Front]:
    async with trio.open_nursery() as nursery:
        yield ApiFront(gateway, nursery)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _chat(gateway: Gateway) -> AsyncIterator[Front]:
    async with trio.open_nursery() as nursery:
        yield ChatFront(gateway.home, nursery)
        nursery.cancel_scope.cancel()


FRONTS: dict[str, Callable[[Gateway], AbstractAsyncContextManager[Front]]] = {
    "page": _page,
    "api": _api,
    "chat": _chat,
}
