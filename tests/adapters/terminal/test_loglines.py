import logging

import pytest

from adapters.terminal.blocks import Remark
from adapters.terminal.loglines import ScreenLog, shown
from tests.adapters.terminal.recording import RecordingScreen

LOG = logging.getLogger("tests.loglines")


def redact(text: str) -> str:
    if "broken" in text:
        raise ValueError("no")
    return text.replace("hunter2", "***")


@pytest.mark.parametrize(
    ("verbosity", "levels"), [(0, []), (1, ["INFO", "WARNING"]), (2, ["DEBUG", "INFO", "WARNING"])]
)
def test_what_was_asked_for_is_shown_and_no_more(verbosity: int, levels: list[str]) -> None:
    screen, before = RecordingScreen(), logging.getLogger().level
    with shown(screen, redact, verbosity):
        LOG.debug("x")
        LOG.info("x")
        LOG.warning("x")
    LOG.error("afterwards")
    assert screen.blocks == [Remark(f"{level} tests.loglines: x") for level in levels]
    assert logging.getLogger().level == before


def test_secrets_are_taken_out_and_what_cannot_be_shown_is_told() -> None:
    screen = RecordingScreen()
    with shown(screen, redact, 1):
        LOG.info("the key is %s", "hunter2")
        LOG.info("broken hunter2")
    # Not by a logger: the handlers of pytest would fail this test.
    unfit = logging.LogRecord(LOG.name, logging.INFO, "file", 1, "%d", ("no number",), None)
    ScreenLog(screen, redact, logging.INFO).handle(unfit)
    assert screen.blocks[0] == Remark("INFO tests.loglines: the key is ***")
    assert screen.blocks[1:] == [Remark("INFO tests.loglines: (a record that cannot be shown)")] * 2
