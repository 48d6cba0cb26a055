"""One call of a tool, in a task of the turn."""

from actors.conversation.approvals import StoredApprovals, StoredState
from actors.conversation.archive import StoredArchive
from actors.conversation.services import Services, readers
from actors.conversation.work import Emit
from hermes.agent import unattended
from hermes.agent.turnio import PlannedCall, ToolAsked, ToolReturned
from hermes.asks import AskRequest
from hermes.events import InboundKind
from hermes.failpoints import failpoint
from hermes.store.rows import Turn
from hermes.tools.contract import Effect, ToolContext


class ToolCalls:
    """Runs the planned calls of one turn."""

    def __init__(self, services: Services, turn: Turn, always: set[str]) -> None:
        self._services = services
        self._turn = turn
        self._background = services.backgrounds.of(
            turn.lease.session_key,
            turn.rows[-1].event.source,
            unattended=all(row.event.kind is InboundKind.EVENT for row in turn.rows),
        )
        self._audience = readers(services.outlets, turn.rows[-1].event)
        self._state = StoredState(services.store, turn.lease.session_id)
        settings, platform = services.settings, services.outlets.platform(turn.rows[-1].event.source)
        self._attended = platform.attended
        self._approvals = StoredApprovals(
            self._state,
            mode=settings.approvals_mode,
            timeout=settings.approvals_timeout,
            every_command=platform.every_command,
            always=always,
            allow_always=services.allow_always,
        )

    async def run(self, planned: PlannedCall, now: float, emit: Emit) -> None:
        """Run one call and emit ``ToolReturned`` or ``ToolAsked``; where nobody can be asked, the former.

        An effectful call is recorded as started first. Cancelled: the tool ends whatever it started.
        """
        call = planned.call
        failpoint("turn.before_tool")
        if self._services.tools.effect_of(call.name, call.arguments) is Effect.EFFECTFUL:
            await self._services.store.start_call(self._turn.lease, call.id, call.name, now)
            failpoint("turn.after_start_call")
        outcome = await self._services.tools.invoke(call.name, call.arguments, self._context(planned))
        failpoint("turn.after_tool")
        if isinstance(outcome, AskRequest) and not self._attended:
            await emit(ToolReturned(call.id, unattended.denial(outcome)))
        elif isinstance(outcome, AskRequest):
            await emit(ToolAsked(call.id, outcome))
        else:
            await emit(ToolReturned(call.id, outcome))

    def _context(self, planned: PlannedCall) -> ToolContext:
        services, settings = self._services, self._services.settings
        return ToolContext(
            session_id=self._turn.lease.session_id,
            call_id=planned.call.id,
            cwd=settings.cwd,
            processes=services.processes,
            background=self._background,
            state=self._state,
            approvals=self._approvals,
            environment=services.environment,
            answer=planned.answer,
            timeout=settings.terminal_timeout,
            clarify_timeout=settings.clarify_timeout,
            redactor=services.redactor,
            hermes_home=services.home,
            memory=services.shelf(self._audience),
            skills=services.skills,
            sandbox=settings.sandbox,
            roots=settings.roots,
            web=services.web,
            archive=StoredArchive(services.store, self._audience, self._turn.lease.session_id),
        )
