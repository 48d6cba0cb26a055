"""The interactive terminal, put together: what is typed goes from the screen to the desk, and from there to the
adapter."""

import trio
from attrs import define, field

from adapters.terminal.adapter import TerminalAdapter
from adapters.terminal.blocks import Trouble
from adapters.terminal.desk import Desk
from adapters.terminal.outgoing import Outgoing
from adapters.terminal.screen import TerminalScreen
from hermes.events import InboundKind


@define(eq=False)
class Front:
    """One interactive chat. ``adapter`` goes into the tree, ``run`` beside it."""

    account: str
    screen: TerminalScreen
    show_history: bool = True
    stream: bool = True
    desk: Desk = field(init=False)
    adapter: TerminalAdapter = field(init=False)
    _left: trio.Event = field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        outgoing = Outgoing()
        self.desk = Desk(self.account, outgoing, self.screen, self.screen.scene, self.show_history, self.stream)
        self.adapter = TerminalAdapter(self.account, self.desk, outgoing)

    @property
    def running(self) -> bool:
        return self.desk.scene.running

    @property
    def unsent(self) -> tuple[str, ...]:
        waiting = self.adapter.outgoing.waiting
        return tuple(event.text for event in waiting if event.kind is InboundKind.MESSAGE)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Show the prompt until the person leaves or the terminal is gone; its modes are restored then."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait, nursery.cancel_scope)
            await self.screen.run(self, task_status=task_status)
            nursery.cancel_scope.cancel()

    async def _wait(self, scope: trio.CancelScope) -> None:
        await self._left.wait()
        scope.cancel()

    def tell(self, trouble: str) -> None:
        self.screen.post(Trouble(trouble))

    def ctrl_c(self) -> None:
        """It came as a signal, and does what the key does."""
        self.screen.interrupt()

    def interrupt(self) -> None:
        self.desk.interrupt()

    def type_text(self, text: str, ask_id: str) -> None:
        self.desk.type_text(text, ask_id)

    def choose(self, ask_id: str, choice: str) -> None:
        self.desk.choose(ask_id, choice)

    def leave(self) -> None:
        self._left.set()
