"""A soak of a few seconds over the real gateway, with a fault and a kill."""

from pathlib import Path

import pytest

from benchmarks.soak.__main__ import soak
from benchmarks.soak.plan import Fault, Plan
from benchmarks.soak.rules import judge

pytestmark = pytest.mark.kill

SECONDS = 9.0

# What a run of seconds cannot prove: the gateway is as old as its caches are empty.
TOO_SHORT = ("memory", "descriptors", "threads", "children", "longest way back", "said, of")


def test_a_short_soak_with_a_fault_and_a_kill_loses_nothing_and_tells_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = (Fault("model", "down", 1.0, 2.0), Fault("bot_api", "5xx", 2.5, 3.5))
    made = Plan(3, SECONDS, faults, kills=(4.0,))
    monkeypatch.setattr("benchmarks.soak.__main__.plan", lambda _seed, _seconds: made)
    trace = soak(3, SECONDS, tmp_path)
    assert [
        judgement for judgement in judge(trace) if not judgement.kept and not judgement.rule.startswith(TOO_SHORT)
    ] == []
    assert trace.telegram.answered > 10
    assert trace.page.answered > 0
    assert [(span.service, span.kind) for span in trace.faults] == [("model", "down"), ("bot_api", "5xx")]
    assert len(trace.kills) == 1
    before, after = (
        {reading.pid for reading in trace.readings if (reading.at > trace.kills[0]) is is_after}
        for is_after in (False, True)
    )
    assert len(before) == len(after) == 1
    assert before != after
    assert max(reading.memory for reading in trace.readings) > 10
