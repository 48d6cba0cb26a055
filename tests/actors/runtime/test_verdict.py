import math

import pytest

from actors.runtime import QUARANTINE, Backoff, Intensity
from actors.runtime.verdict import History, Remedy, Rules, Verdict
from hermes.errors import (
    ActorCrashed,
    AuthError,
    ConfigError,
    LivenessExceeded,
    RateLimited,
    TransientError,
    Unavailable,
)


def rules(*, core: bool = False) -> Rules:
    return Rules(Intensity(2, 30.0), Backoff(), core=core, random=lambda: 0.0)


def judged(
    history: History, error: Exception, *, now: float = 0.0, healthy: float = 0.0, core: bool = False
) -> Verdict:
    return history.judge(error, rules(core=core), now=now, healthy_for=healthy)


@pytest.mark.parametrize("core", [False, True])
@pytest.mark.parametrize("error", [TransientError("down"), LivenessExceeded("deaf")])
def test_the_worlds_fault_is_waited_out_for_ever_and_never_counted(error: Exception, core: bool) -> None:
    history = History()
    pauses = [judged(history, error, core=core) for _ in range(20)]
    assert {verdict.remedy for verdict in pauses} == {Remedy.BACK_OFF}
    assert [verdict.delay for verdict in pauses[:3]] == [0.5, 1.0, 2.0]
    assert pauses[-1].delay == 60.0


def test_a_rate_limit_lengthens_the_pause_and_never_shortens_it() -> None:
    history = History()
    assert judged(history, RateLimited("wait", retry_after=90.0)).delay == 90.0
    assert judged(history, RateLimited("wait", retry_after=0.1)).delay == 1.0


@pytest.mark.parametrize("error", [ValueError("bug"), ActorCrashed("store"), Unavailable("store")])
def test_our_own_ends_restart_at_once_until_a_leaf_is_quarantined(error: Exception) -> None:
    history = History()
    assert [judged(history, error) for _ in range(2)] == [Verdict(Remedy.RESTART)] * 2
    assert judged(history, error) == Verdict(Remedy.QUARANTINE, QUARANTINE)


def test_our_own_ends_spread_over_time_restart_for_ever() -> None:
    history = History()
    assert {judged(history, ValueError(), now=15.0 * turn).remedy for turn in range(50)} == {Remedy.RESTART}


def test_the_worlds_faults_between_them_do_not_count() -> None:
    history = History()
    ends = [ValueError(), TransientError(), ValueError(), TransientError(), TransientError(), ValueError()]
    remedies = [judged(history, error).remedy for error in ends]
    assert remedies[-1] is Remedy.QUARANTINE
    assert Remedy.QUARANTINE not in remedies[:-1]


def test_back_from_quarantine_one_end_of_our_own_sends_it_back() -> None:
    history = History()
    for _ in range(3):
        judged(history, ValueError())
    assert judged(history, ValueError(), now=300.0).remedy is Remedy.QUARANTINE
    assert judged(history, ValueError(), now=600.0, healthy=59.0).remedy is Remedy.QUARANTINE


def test_a_minute_of_health_ends_the_probation_and_the_growth_of_pauses() -> None:
    history = History()
    for _ in range(3):
        judged(history, ValueError())
    assert judged(history, ValueError(), now=400.0, healthy=60.0).remedy is Remedy.RESTART
    for _ in range(5):
        judged(history, TransientError(), now=400.0)
    assert judged(history, TransientError(), now=500.0, healthy=60.0).delay == 0.5
    assert judged(history, TransientError(), now=500.0, healthy=59.0).delay == 1.0


def test_a_core_child_gives_up_where_a_leaf_is_quarantined() -> None:
    history = History()
    remedies = [judged(history, ValueError(), core=True).remedy for _ in range(3)]
    assert remedies == [Remedy.RESTART, Remedy.RESTART, Remedy.GIVE_UP]


@pytest.mark.parametrize("error", [AuthError("token refused"), ConfigError("port: no number")])
def test_what_a_person_must_mend_is_not_tried_again(error: Exception) -> None:
    assert judged(History(), error) == Verdict(Remedy.QUARANTINE, math.inf)
    assert judged(History(), error, core=True) == Verdict(Remedy.GIVE_UP, math.inf)
