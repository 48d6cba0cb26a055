import logging
import time
from pathlib import Path

import pytest

from actors.gateway import StartReports, _refuse_if_nothing_works
from actors.runtime.report import Report, What
from hermes.errors import ConfigError
from hermes.status import ChildStatus, Failure, Kind, State

CONFIG = Path("/home/config.yaml")


def _report(what: What) -> Report:
    return Report("gateway/platforms/web", "inbound", what, "ConfigError: the port is taken", attempt=0)


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("what", [What.QUARANTINED, What.GAVE_UP])
def test_what_may_end_the_start_is_warned_of_only_when_the_start_goes_on(
    caplog: pytest.LogCaptureFixture, what: What
) -> None:
    caplog.set_level(logging.INFO)
    reports = StartReports()
    reports.take(_report(what))
    assert _warnings(caplog) == []
    assert "the port is taken" in caplog.text, "the logs have it at once"
    reports.started()
    assert len(_warnings(caplog)) == 1
    reports.take(_report(what))
    assert len(_warnings(caplog)) == 2


def test_a_restart_is_warned_of_at_once(caplog: pytest.LogCaptureFixture) -> None:
    StartReports().take(_report(What.RESTARTING))
    assert len(_warnings(caplog)) == 1


def _child(
    name: str, *children: ChildStatus, state: State = State.RUNNING, failure: Failure | None = None
) -> ChildStatus:
    return ChildStatus(name, Kind.WORKER, state, 0, time.time(), failure=failure, children=children)


def _platform(name: str, error: str = "", *, ours: bool = False) -> ChildStatus:
    failure = Failure(error, time.time(), ours) if error else None
    inbound = _child("inbound", state=State.FAILED if error else State.RUNNING, failure=failure)
    return _child(name, inbound, _child("delivery"))


def _tree(*platforms: ChildStatus) -> ChildStatus:
    return _child("gateway", _child("core"), _child("platforms", *platforms))


def test_every_platform_refused_ends_the_start_with_one_line_each() -> None:
    tree = _tree(_platform("web", "ConfigError: the port is taken"), _platform("irc", "AuthError: no such key"))
    with pytest.raises(ConfigError) as caught:
        _refuse_if_nothing_works(tree, CONFIG)
    assert str(caught.value).splitlines() == [f"{CONFIG}: the port is taken", f"{CONFIG}: no such key"]


@pytest.mark.parametrize(
    "tree",
    [
        _tree(),
        _tree(_platform("web")),
        _tree(_platform("web"), _platform("irc", "ConfigError: no such key")),
        _tree(_platform("web", "RuntimeError: a bug of ours", ours=True)),
    ],
    ids=["none", "one works", "one of two works", "a bug, which is tried again"],
)
def test_a_platform_that_works_or_may_yet_keeps_the_gateway_up(tree: ChildStatus) -> None:
    _refuse_if_nothing_works(tree, CONFIG)


def test_what_is_served_on_the_port_of_a_refused_platform_keeps_nothing_up() -> None:
    tree = _tree(_platform("web", "ConfigError: the port is taken"), _platform("api_server"))
    with pytest.raises(ConfigError):
        _refuse_if_nothing_works(tree, CONFIG, frozenset({"api_server"}))
