"""What a person allowed in this session or always: the tools' ``Approvals`` and ``SessionState`` ports over the
store."""

import json
from collections.abc import Callable

import trio

from hermes.store.interface import Sessions

_RULES = "approved_rules"


class StoredState:
    """The ``SessionState`` port of one session."""

    def __init__(self, sessions: Sessions, session_id: str) -> None:
        self._sessions = sessions
        self._session_id = session_id

    async def get(self, key: str) -> str | None:
        return await self._sessions.get_state(self._session_id, key)

    async def put(self, key: str, value: str) -> None:
        await self._sessions.put_state(self._session_id, key, value)


class StoredApprovals:
    """The ``Approvals`` port of one session.

    "always" is written to the configuration; where that is refused (a managed one) the rule still holds for the
    session and the refusal is raised, so that the person learns of it.
    """

    def __init__(
        self,
        state: StoredState,
        *,
        mode: str,
        timeout: float,
        every_command: bool,
        always: set[str],
        allow_always: Callable[[str], object],
    ) -> None:
        self._state = state
        self._always = always
        self._allow_always = allow_always
        self.mode = mode
        self.timeout = timeout
        self.every_command = every_command

    async def allowed(self, rule: str) -> bool:
        return rule in self._always or rule in await self._session_rules()

    async def allow(self, rule: str, *, always: bool) -> None:
        rules = await self._session_rules()
        await self._state.put(_RULES, json.dumps(sorted({*rules, rule})))
        if always:
            await trio.to_thread.run_sync(self._allow_always, rule)
            self._always.add(rule)

    async def _session_rules(self) -> set[str]:
        stored = await self._state.get(_RULES)
        return set(json.loads(stored)) if stored else set()
