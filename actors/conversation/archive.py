"""The tools' ``Archive`` port over the store: which conversations those who read along may find.

A chat of several people finds what was said under its own key. One person finds their own conversations on their
platform; the owner, once proven, everybody's.
"""

from hermes.audience import Audience
from hermes.store.found import Found, Reach
from hermes.store.interface import Sessions


class StoredArchive:
    """The conversations in reach of one turn; of its own session only what a summary stands for, which the model does
    not see."""

    def __init__(self, sessions: Sessions, audience: Audience, session_id: str) -> None:
        self._sessions = sessions
        self._audience = audience
        self._session_id = session_id

    async def search(self, query: str, *, roles: tuple[str, ...], limit: int) -> tuple[Found, ...]:
        return await self._sessions.search(query, self._reach(roles), limit=limit)

    async def recent(self, *, limit: int) -> tuple[Found, ...]:
        return await self._sessions.recent(self._reach(()), limit=limit)

    def _reach(self, roles: tuple[str, ...]) -> Reach:
        readers = self._audience
        everybody = readers.proven or readers.shared
        return Reach(
            user=None if everybody else (readers.platform, readers.user_id),
            session_key=readers.shared,
            without=self._session_id,
            roles=roles,
        )
