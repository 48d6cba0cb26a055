"""Carries out the slash commands of hermes/agent/commands.py. Each settles its inbox row in the write that does its
work."""

import time

from actors.conversation import outbound, wording
from actors.conversation.model_call import MODEL_STATE
from actors.conversation.running import RunningTurn
from actors.conversation.services import Services
from actors.conversation.turn_requests import ASKED_STATE
from hermes.agent.commands import Invocation, help_text, parse
from hermes.agent.turnio import Stopped, StopReason
from hermes.asks import APPROVAL_CHOICES, AskKind
from hermes.config.choice import OFFLINE
from hermes.errors import HermesError
from hermes.status import ChildStatus
from hermes.store.rows import InboxRow, SessionInfo

# No provider's name of a model is longer; it is shown in the chat and sent with each request.
MAX_MODEL_NAME = 200


class Commands:
    """The handlers of one session's commands."""

    def __init__(self, services: Services, session_key: str) -> None:
        self._services = services
        self._session_key = session_key

    async def carry_out(self, row: InboxRow, running: RunningTurn | None) -> None:
        """Do what the row says and settle it; its output is in the outbox afterwards.

        A bug settles it too before it goes up: a row that crashed each incarnation would end its chat for good.
        """
        invocation = parse(row.event.text)
        try:
            if invocation is None:
                await self._say(row, help_text())
            else:
                await self._dispatch(row, invocation, running)
        except HermesError:
            raise
        except Exception:
            await self._say(row, wording.COMMAND_FAILED)
            raise
        finally:
            self._services.outlets.look(row.event.source)

    async def _dispatch(self, row: InboxRow, invocation: Invocation, running: RunningTurn | None) -> None:
        match invocation.command.name:
            case "new":
                await self._new(row)
            case "stop":
                await self._stop(row, running)
            case "status":
                await self._say(row, await self._status(running))
            case "approve" | "deny" as name:
                await self._decide(row, running, "deny" if name == "deny" else invocation.argument or "once")
            case "usage":
                await self._say(row, await self._usage())
            case "model":
                await self._say(row, await self._model(invocation.argument))
            case "compress":
                await self._say(row, await self._compress())
            case "retry":
                await self._retry(row)
            case "undo":
                await self._undo(row)
            case _:
                await self._say(row, help_text())

    async def _say(self, row: InboxRow, text: str) -> None:
        await self._services.store.settle(row.id, (outbound.notice(row, text),), time.time())

    async def _new(self, row: InboxRow) -> None:
        notice = outbound.notice(row, wording.NEW_SESSION)
        await self._services.store.renew(row.id, self._session_key, (notice,), time.time())

    async def _stop(self, row: InboxRow, running: RunningTurn | None) -> None:
        # Stopped first: after a crash in between, the row still waits, and nobody was told of what did not happen.
        if running:
            await running.feed(Stopped(StopReason.STOP))
        await self._say(row, wording.STOPPED if running else wording.NOTHING_RUNS)

    async def _decide(self, row: InboxRow, running: RunningTurn | None, choice: str) -> None:
        ask = running.oldest_ask() if running else None
        if running is None or ask is None or ask.request.kind is not AskKind.APPROVAL:
            await self._say(row, wording.NOTHING_WAITS)
        elif choice not in APPROVAL_CHOICES:
            await self._say(row, f"`/approve` takes one of: {', '.join(APPROVAL_CHOICES[:-1])}.")
        else:
            await running.answer(row, ask, choice)

    async def _retry(self, row: InboxRow) -> None:
        nothing = outbound.notice(row, wording.NOTHING_TO_RETRY)
        await self._services.store.retry(row.id, self._session_key, nothing, time.time())

    async def _undo(self, row: InboxRow) -> None:
        undone = outbound.notice(row, wording.UNDONE)
        nothing = outbound.notice(row, wording.NOTHING_TO_UNDO)
        await self._services.store.undo(row.id, self._session_key, undone, nothing, time.time())

    async def _usage(self) -> str:
        session = await self._services.store.current(self._session_key)
        spent = await self._services.store.spent(session.id if session else "", "", time.time())
        caps = self._services.settings.caps
        lines = (
            _usage(session),
            f"The last 24 hours, all chats: {spent.day:,} tokens in {spent.calls_of_day} model calls{_of(caps.day)}.",
            f"This conversation is billed as {spent.conversation:,} tokens{_of(caps.conversation)}.",
        )
        return "\n".join(lines if spent.calls_of_day or spent.conversation else lines[:1])

    async def _model(self, name: str) -> str:
        """Tell which model answers, or choose one for the session."""
        services, store = self._services, self._services.store
        session = await store.current(self._session_key)
        if name and (session is None or services.model.provider == OFFLINE):
            return wording.NO_SESSION_YET if session is None else wording.NO_OTHER_MODEL
        if name and session:
            chosen = "" if name == "default" else name[:MAX_MODEL_NAME]
            await store.put_state(session.id, MODEL_STATE, chosen)
        else:
            chosen = (await store.get_state(session.id, MODEL_STATE) or "") if session else ""
        lines = [f"Model: {services.model.provider}/{chosen}" if chosen else f"Model: {services.model.name}"]
        if chosen:
            lines.append(f"Chosen for this session; `/model default` goes back to {services.model.name}.")
        if services.fallbacks:
            lines.append(f"If it cannot answer: {', '.join(each.name for each in services.fallbacks)}")
        return "\n".join(lines)

    async def _compress(self) -> str:
        """The next turn does it: a summary costs, and belongs to a turn that can be stopped and capped."""
        session = await self._services.store.current(self._session_key)
        if session is None:
            return wording.NO_SESSION_YET
        await self._services.store.put_state(session.id, ASKED_STATE, "yes")
        return wording.COMPRESSES_NEXT

    async def _status(self, running: RunningTurn | None) -> str:
        session = await self._services.store.current(self._session_key)
        ailing = _ailing(self._services.describe())
        return "\n".join(
            (
                f"- session: {session.id if session else 'none yet'}",
                f"- model: {self._services.model.name}",
                f"- turn: {running.summary() if running else 'none running'}",
                f"- gateway: {'well' if not ailing else 'not well: ' + ', '.join(ailing)}",
            )
        )


def _ailing(tree: ChildStatus) -> list[str]:
    """The actors that are not well. Conversations are counted: their names tell who else talks here."""
    others, names = 0, list[str]()
    for path, child in _leaves(tree):
        if child.healthy:
            continue
        if path.startswith(f"{tree.name}/conversations/"):
            others += 1
        else:
            names.append(path)
    return [*names, *([f"{others} conversations"] if others else ())]


def _leaves(child: ChildStatus, path: str = "") -> list[tuple[str, ChildStatus]]:
    here = f"{path}/{child.name}" if path else child.name
    if not child.children:
        return [(here, child)]
    return [leaf for inner in child.children for leaf in _leaves(inner, here)]


def _of(cap: int) -> str:
    return f", of {cap:,} at most" if cap else ""


def _usage(session: SessionInfo | None) -> str:
    if session is None or session.usage.input_tokens + session.usage.output_tokens == 0:
        return wording.NO_USAGE
    usage = session.usage
    return (
        f"This session: {usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
        f" ({usage.cache_read_tokens:,} read from cache), {session.message_count} messages."
    )
