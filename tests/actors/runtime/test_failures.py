import logging

import pytest
import trio

from actors.runtime import Report, What
from actors.runtime.failures import REASON_LENGTH, blame, describe, one_line, take_apart
from actors.runtime.report import deliver, log_report
from hermes.errors import LivenessExceeded, RateLimited, TransientError


def same(text: str) -> str:
    return text


async def cancelled() -> trio.Cancelled:
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            return error
    raise AssertionError


def test_a_plain_error_is_the_childs_own() -> None:
    parts = take_apart(bug := ValueError("bug"))
    assert (parts.failure, parts.interrupt, parts.onward) == (bug, None, None)


def test_a_group_of_errors_is_folded_to_the_heaviest() -> None:
    bug = ValueError("bug")
    group = ExceptionGroup("all", [TransientError("a"), ExceptionGroup("deep", [bug])])
    assert take_apart(group).failure is bug


async def test_a_group_that_mixes_cancellation_and_errors_is_split() -> None:
    cancellation = await cancelled()
    limit = RateLimited("wait", retry_after=3)
    parts = take_apart(BaseExceptionGroup("mixed", [cancellation, limit]))
    assert parts.failure is limit
    assert isinstance(parts.onward, BaseExceptionGroup)
    assert parts.onward.exceptions == (cancellation,)


async def test_a_cancellation_alone_is_no_failure() -> None:
    cancellation = await cancelled()
    parts = take_apart(cancellation)
    assert (parts.failure, parts.interrupt, parts.onward) == (None, None, cancellation)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interrupt_is_found_however_deep_it_lies(interrupt: KeyboardInterrupt | SystemExit) -> None:
    group = BaseExceptionGroup("a", [ValueError("bug"), BaseExceptionGroup("b", [interrupt])])
    parts = take_apart(group)
    assert parts.interrupt is interrupt
    assert parts.onward is None
    assert isinstance(parts.failure, ValueError)
    assert take_apart(interrupt).interrupt is interrupt


def test_a_bug_in_the_cleanup_outweighs_the_cause_of_the_cut() -> None:
    deaf, bug, lost = LivenessExceeded("deaf"), KeyError("bug"), TransientError("lost")
    assert blame(deaf, bug) is bug
    assert blame(deaf, lost) is deaf
    assert blame(deaf, None) is deaf
    assert blame(None, lost) is lost
    assert blame(None, None) is None


def test_a_reason_is_one_redacted_line_of_bounded_length() -> None:
    secret = "hunter2"
    error = ValueError(f"first\n  second {secret} " + "x" * 1000)
    line = describe(error, lambda text: text.replace(secret, "***"))
    assert line.startswith("ValueError: first second *** xxx")
    assert len(line) == REASON_LENGTH
    assert line.endswith("…")


def test_a_secret_at_the_cut_is_redacted_before_the_cut() -> None:
    text = "x" * (REASON_LENGTH - 4) + "hunter2"
    assert "hun" not in one_line(text, lambda text: text.replace("hunter2", "***"))


def test_a_redactor_that_fails_withholds_the_text() -> None:
    def broken(text: str) -> str:
        raise RuntimeError(text)

    assert one_line("password hunter2", broken) == "(withheld: the redactor failed with RuntimeError)"


def test_an_error_without_a_readable_text_is_told_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert describe(Mute(), same) == "Mute: (its text failed with RuntimeError)"


REPORT = Report("root", "a", What.RESTARTING, "ValueError: bug", 2)


def test_a_failing_callback_is_logged_and_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def broken(report: Report) -> None:
        raise OSError("disk full")

    deliver(REPORT, broken)
    assert "disk full" in caplog.text
    assert "ValueError: bug" in caplog.text


def test_without_a_callback_reports_go_to_the_log_by_their_weight(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_report(REPORT)
    log_report(Report("root", "a", What.STARTED, "", 3))
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]
    assert "root/a restarting (attempt 2) ValueError: bug" in caplog.text
