"""Runs a soak of ours, and ends with 1 when it breaks a rule: ``make soak``, ``make soak SECONDS=360 SEED=7``.

What it saw is kept in results.json as the group ``soak``, and told in results.md and soak.svg.
"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

import trio

from benchmarks.gateway import Gateway, gateway
from benchmarks.machine import load
from benchmarks.measures import Contestant, prepare
from benchmarks.products import ours
from benchmarks.records import Record, now
from benchmarks.results import keep
from benchmarks.services import free_port, world
from benchmarks.soak.plan import WHOLE, plan
from benchmarks.soak.report import table
from benchmarks.soak.rules import broken, judge
from benchmarks.soak.run import Soak
from benchmarks.soak.trace import Trace

# Whoever writes twice is answered twice, in order: what else a second message may do is not the question here.
CONFIGURATION = "display:\n  busy_input_mode: queue\n"


def soak(seed: int, seconds: float, folder: Path) -> Trace:
    """One run, with a home in ``folder``."""
    port = free_port()
    with world() as both:
        contestant = Contestant(ours(port, CONFIGURATION), folder / "home", both)
        prepare(contestant)
        both.reset()
        with gateway(Gateway(contestant.product, contestant.home, both)) as one:
            return trio.run(Soak(plan(seed, seconds), one, _say).run)


def main(seed: int, seconds: float, *, write: bool) -> int:
    """Returns the exit code."""
    _say(f"a soak of {seconds:g} s, SEED={seed}")
    date, load_before = now(), load()
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        trace = soak(seed, seconds, Path(folder))
    judgements = judge(trace)
    print(table(judgements))
    if write:
        keep({"soak": Record(date, load_before, load(), soak=trace)})
    return 1 if broken(judgements) else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=WHOLE)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--no-write", action="store_true", help="only print the table")
    given = parser.parse_args()
    sys.exit(main(given.seed, given.seconds, write=not given.no_write))
