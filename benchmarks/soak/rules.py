"""What a run has to keep. Pure: a trace in, judgements out.

**Flat.** Each round of the window counts by its least reading: what a burst or a fault takes and gives back is no
growth, and what stays raises the floor. The median of the last third of the rounds may be at most ``ALLOWED`` above
that of the first third. A leak that goes on shows over two thirds of the window: of the eight thousand turns there, one
in a thousand that kept a descriptor would be found, or half a kilobyte of each.

Memory is not judged in a run of less than ``JUDGED_FROM`` seconds: SQLite's caches (2 MB, and four times 0.5 MB) fill
over the first 900 turns of a process, and end in the middle of a short window.

**Connections** to the Bot API and the model are kept for the next call, as many as were once wanted, and given up after
a trouble: they go up and down with the faults, so what they have is a bound.

**Told.** Somebody may be told that there is no answer only while the model is in trouble, or up to ``RECOVERY`` seconds
after, or when two kills met the same turn.
"""

from collections.abc import Callable, Sequence
from statistics import median

from attrs import frozen

from benchmarks.soak.plan import ROUNDS, window
from benchmarks.soak.recovery import RECOVERY
from benchmarks.soak.trace import Reading, Span, Tally, Told, Trace

# Above the first third. Memory in MB: the unrest of the allocator (tests/kill/test_flat.py allows the same). Threads
# are pooled and end when idle; SQLite's readers are opened as they are needed. Children are one host, at rest.
ALLOWED = {"memory": 4.0, "descriptors": 4.0, "threads": 3.0, "children": 0.0}

# What the adapter and the models keep and use at most (adapters/telegram/way/transport.py: 100; forty people and the
# page).
MOST_CONNECTIONS = 160

# Seconds; see above.
JUDGED_FROM = 900.0

# The share of what was to be said that has to be: troubles keep people waiting, but not most of the time.
LEAST_LOAD = 1 / 3

# The share of the rounds of the window that have to have been read.
_LEAST_READ = 0.75

SERIES: dict[str, tuple[str, Callable[[Reading], float]]] = {
    "memory": ("MB", lambda reading: reading.memory),
    "descriptors": ("", lambda reading: reading.descriptors),
    "threads": ("", lambda reading: reading.threads),
    "children": ("", lambda reading: reading.children),
}


@frozen
class Judgement:
    """One rule, and how it stands."""

    rule: str
    found: str
    allowed: str
    kept: bool | None
    """None: it cannot be told."""


def broken(judgements: Sequence[Judgement]) -> list[str]:
    """The rules that were not kept."""
    return [judgement.rule for judgement in judgements if judgement.kept is False]


def judge(trace: Trace) -> list[Judgement]:
    """All rules, in the order of the table."""
    said = trace.telegram.said / trace.expected if trace.expected else 0.0
    return [
        *_delivery("Telegram", trace.telegram),
        *_delivery("page", trace.page),
        _none("told that there is no answer, without a reason", [t for t in _told(trace) if not _has_reason(t, trace)]),
        *(_flat(trace, name) for name in SERIES),
        _connections(trace),
        _none("ended by itself", trace.ended),
        Judgement("processes left by a kill", str(trace.left), "0", trace.left == 0),
        _recovery(trace.faults),
        Judgement("said, of what was planned", f"{said:.0%}", f"at least {LEAST_LOAD:.0%}", said >= LEAST_LOAD),
        _as_planned(trace),
    ]


def floors(trace: Trace, series: str) -> list[float]:
    """The least reading of each round of the window that was read."""
    begins, ends = window(trace.seconds)
    rounds: dict[int, list[float]] = {}
    for reading in trace.readings:
        if begins <= reading.at < ends:
            rounds.setdefault(int(reading.at * ROUNDS / trace.seconds), []).append(SERIES[series][1](reading))
    return [min(rounds[number]) for number in sorted(rounds)]


def _delivery(where: str, tally: Tally) -> list[Judgement]:
    return [
        _none(f"{where}: lost", tally.lost),
        _none(f"{where}: doubled without saying so", tally.doubled),
        Judgement(f"{where}: out of order", str(tally.out_of_order), "0", tally.out_of_order == 0),
    ]


def _flat(trace: Trace, series: str) -> Judgement:
    unit, allowed = SERIES[series][0], ALLOWED[series]
    rule, bound = f"{series}: last third of the window above the first", f"{allowed:g} {unit}".strip()
    begins, ends = window(trace.seconds)
    found = floors(trace, series)
    third = len(found) // 3
    if not third or len(found) < _LEAST_READ * (ends - begins) * ROUNDS / trace.seconds:
        return Judgement(rule, "hardly read", bound, kept=False)
    rise = median(found[-third:]) - median(found[:third])
    judged = series != "memory" or trace.seconds >= JUDGED_FROM
    return Judgement(rule, f"{rise:+.1f} {unit}".strip(), bound, rise <= allowed if judged else None)


def _connections(trace: Trace) -> Judgement:
    most = max((reading.connections for reading in trace.readings), default=0)
    return Judgement("most connections at once", str(most), str(MOST_CONNECTIONS), most <= MOST_CONNECTIONS)


def _told(trace: Trace) -> list[Told]:
    return [*trace.telegram.told, *trace.page.told]


def _has_reason(told: Told, trace: Trace) -> bool:
    met = [f for f in trace.faults if f.service == "model" and f.begins <= told.told and told.said <= f.ends + RECOVERY]
    return bool(met) or sum(told.said <= kill <= told.told for kill in trace.kills) > 1


def _recovery(faults: Sequence[Span]) -> Judgement:
    known = [fault.recovered for fault in faults if fault.recovered is not None]
    if not known:
        return Judgement("longest way back after a fault", "never seen", f"{RECOVERY:g} s", kept=False)
    return Judgement("longest way back after a fault", f"{max(known):.1f} s", f"{RECOVERY:g} s", max(known) <= RECOVERY)


def _as_planned(trace: Trace) -> Judgement:
    found = len(trace.faults), len(trace.kills)
    kept = found == trace.planned and all(found)
    return Judgement("faults and kills", "{} and {}".format(*found), "{} and {}".format(*trace.planned), kept)


def _none(rule: str, found: Sequence[object]) -> Judgement:
    return Judgement(rule, str(len(found)), "0", not found)
