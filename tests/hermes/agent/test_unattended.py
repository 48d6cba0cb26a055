from hermes.agent import unattended
from hermes.agent.transcript import result_message
from hermes.asks import APPROVAL_CHOICES, AskKind, AskRequest
from hermes.messages import Message, Role, ToolCall
from hermes.tools.contract import ToolResult


def approval(command: str) -> AskRequest:
    return AskRequest(AskKind.APPROVAL, "Run this command?", APPROVAL_CHOICES, 60.0, subject=command, rule="rm")


def denied(command: str) -> Message:
    return result_message(ToolCall("c1", "terminal", "{}"), unattended.denial(approval(command)))


def test_an_approval_is_denied_and_the_answer_names_the_command() -> None:
    assert unattended.note([Message(Role.USER, "go"), denied("rm -r x\n")]).endswith(
        "nobody can be asked here:\n- `rm -r x`"
    )


def test_a_question_is_left_to_the_model_and_the_answer_says_nothing_of_it() -> None:
    result = unattended.denial(AskRequest(AskKind.CLARIFY, "Which?", (), 60.0))
    assert result.is_error
    assert "Choose" in result.content
    assert unattended.note([result_message(ToolCall("c1", "clarify", "{}"), result)]) == ""


def test_output_that_reads_like_a_denial_is_none() -> None:
    said = ToolResult(denied("rm -r x").content)
    assert unattended.note([result_message(ToolCall("c1", "terminal", "{}"), said)]) == ""


def test_a_command_that_was_denied_twice_is_named_once_and_many_are_counted() -> None:
    assert unattended.note([denied("ls"), denied("ls")]).count("`ls`") == 1
    note = unattended.note([denied(f"ls {number}") for number in range(8)])
    assert note.count("\n- `ls") == 5
    assert note.endswith("\n- and 3 more")


def test_a_long_command_is_cut_and_its_backticks_end_no_code() -> None:
    line = unattended.note([denied("echo `id` " + "x" * 1000)]).splitlines()[1]
    assert line.startswith("- `` echo `id` x")
    assert line.endswith("x… ``")
    assert len(line) < 250
