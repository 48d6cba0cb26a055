"""Finding and signalling everything that descends from this process.

Read from ``/proc/*/stat``: ``/proc/PID/task/TID/children`` is absent from many kernels, and unreliable by its own
documentation. A process that this one may not see (``hidepid``) it may not signal either.

A child of this process keeps its pid until it is reaped here. A deeper descendant may be gone, and its pid given to a
stranger, at any time: it is signalled by a pidfd that is opened first and checked to be of the family after.
"""

import os
import signal


def _parent_and_group(pid: int) -> tuple[int, int] | None:
    """None: there is no such process (any more)."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(descriptor, 512)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    # The name of the program, in brackets, may itself contain brackets and spaces.
    fields = text[text.rindex(b")") + 2 :].split(None, 3)
    return int(fields[1]), int(fields[2])


def descendants() -> dict[int, tuple[int, int]]:
    """The parent and the process group of each, children of this process first."""
    kin = {int(name): _parent_and_group(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    children: dict[int, list[int]] = {}
    for pid, relation in kin.items():
        if relation is not None:
            children.setdefault(relation[0], []).append(pid)
    found: dict[int, tuple[int, int]] = {}
    waiting = [os.getpid()]
    for parent in waiting:
        for pid in children.get(parent, ()):
            relation = kin[pid]
            if relation is not None and pid not in found:
                found[pid] = relation
                waiting.append(pid)
    return found


def children() -> list[int]:
    """The children of this process, whoever forked them."""
    own = os.getpid()
    return [pid for pid, (parent, _) in descendants().items() if parent == own]


def of_group(group: int) -> set[int]:
    """The descendants in a process group."""
    return {pid for pid, (_, its_group) in descendants().items() if its_group == group}


def send(numbers: tuple[int, ...], *, except_group: int = 0) -> set[int]:
    """Send signals to every descendant, less those of one process group (0: less none); returns their pids."""
    family = descendants()
    own = os.getpid()
    meant = {pid: parent for pid, (parent, group) in family.items() if group != except_group}
    for pid, parent in meant.items():
        if parent == own:
            send_to_child(pid, numbers)
        else:
            _send_to_relative(pid, numbers, family)
    return set(meant)


def send_to_group(group: int, numbers: tuple[int, ...]) -> None:
    """``group`` is the pid of a child of this process that is not reaped yet, and so nobody else's."""
    try:
        for number in numbers:
            os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # all of it are zombies, or another user's


def send_to_child(pid: int, numbers: tuple[int, ...]) -> None:
    """Safe for a child of this process that is not reaped yet; one of another user is left as it is."""
    try:
        for number in numbers:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _send_to_relative(pid: int, numbers: tuple[int, ...], family: dict[int, tuple[int, int]]) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        relation = _parent_and_group(pid)
        # Its parent may have ended since: then it is this process's own child.
        if relation is not None and (relation[0] in family or relation[0] == os.getpid()):
            for number in numbers:
                signal.pidfd_send_signal(descriptor, number)
    except OSError:
        pass
    finally:
        os.close(descriptor)
