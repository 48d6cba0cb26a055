"""Who is asked, when, and what the answer does."""

import pytest
import trio

from hermes.asks import APPROVAL_CHOICES, NOBODY_THERE, AskKind, AskRequest
from hermes.errors import ConfigError
from hermes.tools.commands.terminal import terminal
from hermes.tools.contract import TIMED_OUT, ToolResult
from tests.hermes.tools.ports import MemoryApprovals, World, printed


@pytest.fixture
def world(world: World) -> World:
    """Nothing is ever really run here."""
    world.processes = printed("ran")
    return world


_DANGEROUS = "rm -r build"


async def _ask(world: World, command: str = _DANGEROUS) -> AskRequest:
    outcome = await world.call(terminal, command=command)
    assert isinstance(outcome, AskRequest)
    assert world.processes.started == []
    return outcome


async def test_a_dangerous_command_is_asked_about_and_not_run(world: World) -> None:
    world.approvals.timeout = 7.0
    ask = await _ask(world)
    assert ask == AskRequest(
        AskKind.APPROVAL,
        "Run this command? It deletes folders with all that is in them [rm-recursive].",
        APPROVAL_CHOICES,
        7.0,
        subject=_DANGEROUS,
        rule="rm-recursive",
    )


async def test_all_rules_that_matched_are_told_at_once(world: World) -> None:
    ask = await _ask(world, "rm -r build; git push --force")
    assert ask.rule == "rm-recursive, git-push-force"


async def test_an_ordinary_command_just_runs(world: World) -> None:
    assert (await world.result(terminal, command="ls")).content == "ran\n[exit code 0]"


@pytest.mark.parametrize(
    ("answer", "stored"), [("once", {}), ("session", {"rm-recursive": False}), ("always", {"rm-recursive": True})]
)
async def test_a_yes_runs_it_and_is_remembered_as_long_as_it_was_meant(
    world: World, answer: str, stored: dict[str, bool]
) -> None:
    result = await world.result(terminal, answer, command=_DANGEROUS)
    assert result == ToolResult("ran\n[exit code 0]")
    assert world.approvals.rules == stored
    outcome = await world.call(terminal, command="rm -r other")
    assert isinstance(outcome, ToolResult if stored else AskRequest)


async def test_a_rule_that_was_allowed_does_not_let_another_one_through(world: World) -> None:
    world.approvals.rules["rm-recursive"] = False
    ask = await _ask(world, "rm -r build; git push --force")
    assert ask.rule == "git-push-force"
    await world.result(terminal, "session", command="rm -r build; git push --force")
    assert world.approvals.rules == {"rm-recursive": False, "git-push-force": False}


async def test_one_yes_allows_every_rule_that_was_asked_about(world: World) -> None:
    command = "rm -r build; git push --force"
    await world.result(terminal, "session", command=command)
    assert world.approvals.rules == {"rm-recursive": False, "git-push-force": False}
    assert not (await world.result(terminal, command=command)).is_error


@pytest.mark.parametrize("error", [ConfigError("the home is managed"), OSError(28, "disk full")])
async def test_an_always_that_cannot_be_stored_still_runs_this_command_and_says_so(
    world: World, error: Exception
) -> None:
    world.approvals.refusal = error
    result = await world.result(terminal, "always", command=_DANGEROUS)
    assert result.content.startswith("[allowed for this run; the rule could not be stored: ")
    assert result.content.endswith("ran\n[exit code 0]")
    assert not result.is_error


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("deny", "Not run: denied by the user. Do not retry; ask what to do instead."),
        ("use trash", "Not run: denied by the user. Do not retry; ask what to do instead. They said: use trash"),
        ("", "Not run: denied by the user. Do not retry; ask what to do instead. They said: "),
        (TIMED_OUT, "Not run: nobody answered within 60 seconds. "),
        (NOBODY_THERE, "Not run: denied, as it needs the approval of a person and nobody can be asked here. "),
    ],
)
async def test_anything_but_a_yes_is_a_no(world: World, answer: str, said: str) -> None:
    result = await world.result(terminal, answer, command=_DANGEROUS)
    assert result.is_error
    assert result.content.startswith(said)
    assert world.processes.started == []
    assert world.approvals.rules == {}


@pytest.mark.parametrize("answer", [None, *APPROVAL_CHOICES, TIMED_OUT])
@pytest.mark.parametrize("mode", ["manual", "smart", "off"])
async def test_a_blocked_command_is_never_run_whatever_anybody_said(
    world: World, mode: str, answer: str | None
) -> None:
    world.approvals = MemoryApprovals(mode=mode, rules={"rm-root": True, "any-command": True})
    result = await world.result(terminal, answer, command="rm -rf /")
    assert result.is_error
    assert result.content.startswith("Not run: this command deletes a whole system or home folder [rm-root].")
    assert world.processes.started == []


async def test_smart_asks_like_manual(world: World) -> None:
    world.approvals.mode = "smart"
    await _ask(world)


async def test_off_asks_nobody(world: World) -> None:
    world.approvals = MemoryApprovals(mode="off", every_command=True)
    assert not (await world.result(terminal, command=_DANGEROUS)).is_error


async def test_where_nobody_has_proven_anything_each_command_is_asked_about(world: World) -> None:
    world.approvals.every_command = True
    assert (await _ask(world, "ls")).rule == "any-command"
    await world.result(terminal, "session", command="ls")
    assert world.approvals.rules == {"any-command": False}
    assert not (await world.result(terminal, command="pwd")).is_error


async def test_allowing_every_command_does_not_allow_the_dangerous_ones(world: World) -> None:
    world.approvals = MemoryApprovals(every_command=True, rules={"any-command": False})
    assert (await _ask(world)).rule == "rm-recursive"


async def test_what_is_hidden_in_a_command_is_shown_to_the_person_who_is_asked(world: World) -> None:
    ask = await _ask(world, "ls \u202e\x1b[2K")
    assert ask.subject == "ls \\u202e\\x1b[2K"
    assert "holds characters that are not shown" in ask.question


async def test_a_command_that_cannot_be_judged_is_not_run_and_the_way_out_is_told(world: World) -> None:
    result = await world.result(terminal, "always", command="true;" * 2_000)
    assert result.is_error
    assert result.content.endswith("Split it, or write it to a file and run that.")
    assert world.processes.started == []


async def test_a_very_long_command_is_judged_too(world: World) -> None:
    await _ask(world, "echo " + "x" * 10_000 + "; rm -r build")


async def test_a_relative_path_is_judged_from_the_working_folder(world: World) -> None:
    result = await world.result(terminal, command="rm -rf *", workdir="~")
    assert "[rm-root]" in result.content
    await _ask(world, "cat ../.hermes/.env")


async def test_cancelling_while_a_rule_is_looked_up_is_passed_on(world: World) -> None:
    with trio.fail_after(10), trio.CancelScope() as scope:
        scope.cancel()
        await terminal.run(world.context(), command=_DANGEROUS)
    assert scope.cancelled_caught
