"""Faults put into a whole tree on demand: any actor made to raise at any moment, failpoints armed in this process."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, field

from actors import tree
from actors.platform import supervised
from hermes import failpoints
from hermes.failpoints import Action, Armed, Failpoints

# Where the tree takes its actors from.
_PLACES = (
    (tree, "store_actor"),
    (tree, "models_actor"),
    (tree, "processes_actor"),
    (tree, "conversation"),
    (tree, "background_actor"),
    (supervised, "inbound"),
    (supervised, "delivery"),
    (supervised, "liveness"),
)


class Injected(RuntimeError):
    """Stands for any bug of ours."""


@define(eq=False)
class Bombs:
    """One in each actor, by its path from the root; it goes off inside the actor, beside whatever that waits for."""

    _fuses: dict[str, trio.Event] = field(factory=dict[str, trio.Event], init=False)

    def into(self, actor: Callable[..., Any]) -> Callable[..., Any]:
        """``actor`` with a bomb in it."""

        async def armed(context: Any, *, task_status: trio.TaskStatus[None], **rest: Any) -> None:
            fuse = self._fuses[context.name] = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_explode, fuse, context.name)
                await actor(context, task_status=task_status, **rest)
                nursery.cancel_scope.cancel()

        return armed

    def explode(self, path: str) -> None:
        """Crash the actor that lives at ``path`` ("gateway/core/store") at this moment."""
        self._fuses[path].set()


async def _explode(fuse: trio.Event, path: str) -> None:
    await fuse.wait()
    raise Injected(f"injected into {path}")


def bombs(monkeypatch: pytest.MonkeyPatch) -> Bombs:
    """Bombs in every actor of each tree that is built from now on."""
    placed = Bombs()
    for module, name in _PLACES:
        monkeypatch.setattr(module, name, placed.into(getattr(module, name)))
    return placed


def arm(monkeypatch: pytest.MonkeyPatch, name: str, hit: int = 1) -> None:
    """Let the failpoint ``name`` raise at its next ``hit``."""
    monkeypatch.setattr(failpoints, "_ACTIVE", Failpoints({name: Armed(Action.RAISE, hit)}, None))
