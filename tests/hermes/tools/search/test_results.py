"""What a search printed, read: also when its middle was left out, and when it is no answer."""

import pytest

from hermes.agent.ports import CommandOutput
from hermes.process import BoundedOutput
from hermes.redact import Redactor
from hermes.tools.search.command import Mode
from hermes.tools.search.results import Answer, Hit, Page, read_answer, render


def _printed(text: str, *, code: int | None = 0, limit: int = 1_000_000, timed_out: bool = False) -> CommandOutput:
    kept = BoundedOutput(limit)
    kept.feed(text.encode())
    return CommandOutput(kept.getvalue().decode(), kept.truncated, kept.total, code, None, timed_out)


def _read(output: CommandOutput, mode: Mode) -> Answer:
    return read_answer(output, mode, secret=lambda path: path == "secret")


@pytest.mark.parametrize("limit", range(40, 200, 7))
def test_of_an_output_whose_middle_was_left_out_the_whole_lines_of_its_beginning_count(limit: int) -> None:
    lines = [f"file{number}\0{number}:text {number}\n" for number in range(100)]
    answer = _read(_printed("".join(lines), limit=limit), Mode.CONTENT)
    assert answer.cut
    assert answer.hits == tuple(Hit(f"file{number}", number, f"text {number}") for number in range(len(answer.hits)))
    assert 0 < len(answer.hits) < 50


@pytest.mark.parametrize("limit", range(40, 200, 7))
def test_of_names_too(limit: int) -> None:
    answer = _read(_printed("".join(f"./file{number}\0" for number in range(100)), limit=limit), Mode.FILES)
    assert answer.cut
    assert answer.hits == tuple(Hit(f"file{number}") for number in range(len(answer.hits)))
    assert 0 < len(answer.hits) < 50


def test_a_count_and_a_line_with_colons_and_dashes_are_read() -> None:
    assert _read(_printed("a:1-b\0" + "12\n"), Mode.COUNT).hits == (Hit("a:1-b", 12),)
    assert _read(_printed("a\0" + "3-x:4:y\r\n--\n"), Mode.CONTENT).hits == (Hit("a", 3, "x:4:y", context=True),)


def test_files_that_are_secret_are_left_out() -> None:
    assert _read(_printed("secret\0a\0"), Mode.FILES_ONLY).hits == (Hit("a"),)


@pytest.mark.parametrize(
    ("output", "error"),
    [
        (_printed("", code=1), ""),
        (_printed("", code=2), "the search ended by code 2"),
        (_printed("regex parse error\n", code=2), "regex parse error"),
        (_printed("a\0", code=2), ""),
        (_printed("", code=None, timed_out=True), ""),
    ],
)
def test_no_answer_is_an_error_only_when_the_program_failed(output: CommandOutput, error: str) -> None:
    assert _read(output, Mode.FILES).error == error


def test_lines_of_context_come_with_the_match_that_they_surround_and_no_other() -> None:
    hits = (
        Hit("a", 1, "before", context=True),
        Hit("a", 2, "first"),
        Hit("a", 3, "between", context=True),
        Hit("a", 4, "second"),
        Hit("b", 1, "other", context=True),
        Hit("b", 2, "third"),
    )
    told = [
        render(Answer(hits, False, ""), Mode.CONTENT, Page(offset, 1, 1, str), Redactor()).split("\n")[:-1]
        for offset in range(3)
    ]
    assert told == [
        ["a", "1- before", "2: first", "3- between"],
        ["a", "3- between", "4: second"],
        ["b", "1- other", "2: third"],
    ]
