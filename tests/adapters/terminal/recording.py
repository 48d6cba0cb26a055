"""A view and a screen that only remember, with waits for what is to come."""

from collections.abc import Callable, Iterable

import trio
from attrs import define, field

from adapters.contract import AdapterHost
from adapters.terminal.blocks import Block
from adapters.terminal.scene import Scene
from hermes.events import Draft, Inbound, Outbound


@define(eq=False)
class Log:
    """What happened, in order, and a way to wait for more."""

    items: list[tuple[str, str]] = field(factory=list)
    _changed: trio.Event = field(factory=trio.Event)

    def add(self, what: str, text: str) -> None:
        self.items.append((what, text))
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, holds: Callable[[list[tuple[str, str]]], bool]) -> None:
        with trio.fail_after(20):
            while not holds(self.items):
                await self._changed.wait()


@define(eq=False)
class RecordingView:
    """``adapters.terminal.adapter.View``."""

    log: Log = field(factory=Log)
    keys: tuple[str, ...] = ()
    """What ``opened`` says that it drew."""
    stuck: trio.Event | None = None
    """While this is not set, ``show`` does not return."""

    async def opened(self, host: AdapterHost) -> Iterable[str]:
        self.log.add("opened", "")
        return self.keys

    async def show(self, message: Outbound) -> None:
        self.log.add("show", message.text)
        if self.stuck is not None:
            await self.stuck.wait()

    async def show_draft(self, draft: Draft) -> None:
        self.log.add("draft", draft.text)

    async def accepted(self, event: Inbound) -> None:
        self.log.add("accepted", event.text)

    async def delayed(self, event: Inbound, why: str) -> None:
        self.log.add("delayed", why)

    async def refused(self, event: Inbound, why: str) -> None:
        self.log.add("refused", why)


@define(eq=False)
class RecordingScreen:
    """``adapters.terminal.desk.Screen``."""

    scenes: list[Scene] = field(factory=list)
    blocks: list[Block] = field(factory=list)

    def show(self, scene: Scene) -> None:
        self.scenes.append(scene)

    async def write(self, *what: Block) -> None:
        self.blocks.extend(what)
        await trio.lowlevel.checkpoint()

    def post(self, *what: Block) -> None:
        self.blocks.extend(what)
