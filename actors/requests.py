"""What the control socket can be asked: the requests of actors/control.py, carried out."""

import os
from collections.abc import Callable

import trio
from attrs import asdict, frozen

from actors.lifecycle import ExitCode, Lifecycle
from actors.runtime import Supervisor
from hermes.errors import HermesError
from hermes.store.interface import Journal
from hermes.store.rows import Counts

# Seconds for the store to count what it holds: status has to answer when the store does not.
COUNTS_WITHIN = 3.0


@frozen
class Requests:
    """The handler behind the control socket of one gateway."""

    root: Callable[[], Supervisor]
    journal: Journal
    lifecycle: Lifecycle
    start_time: int
    """Kernel start time of this process, in clock ticks."""

    async def handle(self, request: dict[str, object]) -> dict[str, object]:
        """Carry out one request. What is wrong with it is told in ``error``."""
        match request:
            case {"do": "status"}:
                return await self._status()
            case {"do": "stop"}:
                self.lifecycle.end(ExitCode.DONE)
                return {"ok": True}
            case {"do": "replace", "pid": pid, "start_time": start_time}:
                return self._replace(pid, start_time)
            case {"do": "restart", "child": str(child)}:
                return self._restart(child)
            case _:
                return {"error": "unknown request: status, stop, replace and restart are known"}

    async def _status(self) -> dict[str, object]:
        tree = self.root().status()
        counts, problem = await self._counts()
        return {
            "pid": os.getpid(),
            "healthy": tree.healthy and not problem,
            "draining": not self.lifecycle.gate.open,
            "tree": asdict(tree),
            "journal": asdict(counts) if counts else None,
            "problem": problem,
        }

    async def _counts(self) -> tuple[Counts | None, str]:
        """What the journal holds, and what is wrong with it. Reads pass a writer that hangs, so both are tried."""
        with trio.move_on_after(COUNTS_WITHIN):
            problem = await self._writing_problem()
            try:
                return await self.journal.counts(), problem
            except HermesError as error:
                return None, f"the store cannot be read: {error}"
        return None, f"the store does not answer within {COUNTS_WITHIN:g} s"

    async def _writing_problem(self) -> str:
        try:
            await self.journal.ping()
        except HermesError as error:
            return f"the store cannot write: {error}"
        return ""

    def _replace(self, pid: object, start_time: object) -> dict[str, object]:
        if (pid, start_time) != (os.getpid(), self.start_time):
            return {"error": "this is another gateway than the one to be replaced"}
        self.lifecycle.end(ExitCode.DONE)
        return {"ok": True}

    def _restart(self, child: str) -> dict[str, object]:
        try:
            self.root().restart_child(child, "asked for by a person")
        except LookupError as error:
            return {"error": str(error)}
        return {"ok": True}
