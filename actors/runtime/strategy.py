"""Which siblings share the fate of a child that failed.

- ``one_for_one``: none. The default: a fault stays in its room.
- ``rest_for_one``: those started after it, since they were built on it.
- ``one_for_all``: all, since none makes sense without the others.

The group is stopped in reverse order and started in order, each awaited. While the failed child waits (backoff or
quarantine), those that would be restarted with it wait too.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

C = TypeVar("C")


class Strategy(StrEnum):
    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


def companions(strategy: Strategy, children: Sequence[C], failed: C) -> list[C]:
    """The siblings that restart together with ``failed``, in order of start."""
    if strategy is Strategy.ONE_FOR_ONE:
        return []
    if strategy is Strategy.ONE_FOR_ALL:
        return [child for child in children if child is not failed]
    return list(children[children.index(failed) + 1 :])
