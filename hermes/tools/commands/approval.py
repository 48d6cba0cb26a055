"""Whether a command may run: judged, and where needed asked of a person.

Order, and it matters: the hard-blocked set first, before any mode, answer or allowed rule; then a person's answer to
this very call; then the rules that are still to be allowed.
"""

from collections.abc import Iterable

import trio

from hermes.asks import APPROVAL_CHOICES, NOBODY_THERE, AskKind, AskRequest
from hermes.errors import ConfigError
from hermes.tools.contract import TIMED_OUT, ToolContext, ToolResult
from hermes.tools.danger.normalise import show_hidden
from hermes.tools.danger.protected import Place
from hermes.tools.danger.verdict import UNJUDGED, Finding, Level, Verdict

ANY_COMMAND = "any-command"
"""The rule of a chat in which whoever writes has proven nothing."""

_OFF = "off"
# Judging takes about 1 ms per KB, which other conversations would feel.
_LONG_COMMAND = 2_000


async def permission(context: ToolContext, command: str, directory: str) -> AskRequest | ToolResult | str:
    """An ask, an error result when it must not run, or a note (mostly empty) for the model when it may.

    Stores what a person allowed. Cancelled: what was stored stays.
    """
    verdict = await _judge(command, _place(context, directory))
    if verdict.level is Level.BLOCKED:
        return _blocked(verdict)
    if context.answer is not None and context.answer not in APPROVAL_CHOICES[:-1]:
        return _refused(context.answer, context.approvals.timeout)
    pending = await _pending(context, verdict)
    if context.answer is None:
        return _ask(context, command, pending) if pending else ""
    if context.answer == "once":
        return ""
    return await _allow(context, pending, always=context.answer == "always")


def _place(context: ToolContext, directory: str) -> Place:
    home = "" if context.hermes_home is None else str(context.hermes_home)
    return Place(directory, hermes_home=home, user_home=context.environment.get("HOME", ""))


async def _judge(command: str, place: Place) -> Verdict:
    # The rules are read when the first command is judged, and not at every start.
    from hermes.tools.danger.assess import assess

    if len(command) < _LONG_COMMAND:
        return assess(command, place)
    return await trio.to_thread.run_sync(assess, command, place)


async def _pending(context: ToolContext, verdict: Verdict) -> tuple[Finding, ...]:
    """The findings that nobody has allowed yet."""
    if context.approvals.mode == _OFF:
        return ()
    findings = [finding for finding in verdict.findings if finding.level is Level.DANGEROUS]
    if context.approvals.every_command:
        findings.append(Finding(Level.DANGEROUS, ANY_COMMAND, "comes from a chat without a key"))
    return tuple([finding for finding in findings if not await context.approvals.allowed(finding.rule)])


def _ask(context: ToolContext, command: str, pending: Iterable[Finding]) -> AskRequest:
    reasons = "; ".join(f"{finding.reason} [{finding.rule}]" for finding in pending)
    return AskRequest(
        AskKind.APPROVAL,
        question=f"Run this command? It {reasons}.",
        choices=APPROVAL_CHOICES,
        timeout=context.approvals.timeout,
        subject=show_hidden(command),
        rule=", ".join(finding.rule for finding in pending),
    )


async def _allow(context: ToolContext, findings: Iterable[Finding], *, always: bool) -> str:
    try:
        for finding in findings:
            await context.approvals.allow(finding.rule, always=always)
    except (ConfigError, OSError) as error:
        # The person has said yes to this run; that the rule could not be kept is no reason to stand still.
        return f"[allowed for this run; the rule could not be stored: {error}]\n"
    return ""


def _blocked(verdict: Verdict) -> ToolResult:
    if verdict.rule in UNJUDGED:
        return ToolResult(
            f"Not run: this command {verdict.reason}. Split it, or write it to a file and run that.", is_error=True
        )
    return ToolResult(
        f"Not run: this command {verdict.reason} [{verdict.rule}]. That is always blocked and nobody can allow it. "
        "Do not retry it in another form.",
        is_error=True,
    )


def _refused(answer: str, timeout: float) -> ToolResult:
    if answer == TIMED_OUT:
        return ToolResult(
            f"Not run: nobody answered within {timeout:g} seconds. Do not retry; say what you would have run and why.",
            is_error=True,
        )
    if answer == NOBODY_THERE:
        return ToolResult(
            "Not run: denied, as it needs the approval of a person and nobody can be asked here. "
            "Do not retry it in another form.",
            is_error=True,
        )
    said = "" if answer == APPROVAL_CHOICES[-1] else f" They said: {answer}"
    return ToolResult(f"Not run: denied by the user. Do not retry; ask what to do instead.{said}", is_error=True)
