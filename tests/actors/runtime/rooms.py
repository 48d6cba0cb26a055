"""A dynamic supervisor of puppets, for the tests of ``DynamicSupervisor``."""

from collections.abc import Callable

from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, DynamicSupervisor
from hermes.status import State
from tests.actors.runtime.stage import Puppet, Stage, no_chance


@define(eq=False)
class Cast:
    """Puppets by key, made on demand: the factory of a dynamic supervisor."""

    options: dict[str, object] = field(factory=dict)
    puppets: dict[str, Puppet] = field(factory=dict)
    calls: list[str] = field(factory=list)

    def __call__(self, key: str) -> ChildSpec:
        self.calls.append(key)
        puppet = self.puppets.setdefault(key, Puppet())
        return ChildSpec(key, puppet, **self.options)  # type: ignore[arg-type]


def rooms(cast: Cast, **options: object) -> DynamicSupervisor[object]:
    return DynamicSupervisor[object]("rooms", cast, random=no_chance, **options)  # type: ignore[arg-type]


async def passivate(context: Context[object]) -> None:
    """Give up the mailbox; the puppet's loop then ends by itself."""
    assert await context.passivate()


async def settled(stage: Stage) -> dict[str, State]:
    await wait_all_tasks_blocked()
    return {child.name: child.state for child in stage.root.status().children}


def note(seen: list[object], what: object) -> Callable[[Context[object]], object]:
    async def act(context: Context[object]) -> None:
        seen.append(what)

    return act
