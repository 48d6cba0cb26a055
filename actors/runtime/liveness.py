"""The pulse of one incarnation: how long ago it was proven to work.

1. The age counts from ``started()`` and falls to zero with each ``beat()``, a proven round trip. A return of some
   call, an open socket or a turning loop proves nothing.
2. Idle is not deaf: only a child whose spec names a bound is watched, and it beats whenever its probe comes back.
3. Older than its bound, the incarnation is cut off with ``LivenessExceeded``.
4. An incarnation that says it is ``retrying`` is unhealthy in the status, and is not cut off: it is at work on the
   cure, and a restart would only begin that anew. Its next beat ends the state.
5. Only proven time counts as healthy: for a watched child up to its last beat, for others as long as it was not
   retrying.
"""

from attrs import define


@define(eq=False)
class Pulse:
    """Times are seconds of trio's clock."""

    bound: float | None
    started_at: float | None = None
    proven_at: float = 0.0
    retrying: str | None = None
    """Why it is reconnecting, in a few words."""
    retrying_since: float = 0.0

    def start(self, now: float) -> None:
        self.started_at = self.proven_at = now

    def beat(self, now: float) -> None:
        self.proven_at = now
        self.retrying = None

    def retry(self, why: str, now: float) -> None:
        if self.retrying is None:
            self.retrying_since = now
        self.retrying = why

    def age(self, now: float) -> float | None:
        """Seconds since the last proof; None before the start or where nothing is watched."""
        return None if self.started_at is None or self.bound is None else now - self.proven_at

    def check(self, now: float) -> float | None:
        """When to look again; None when the incarnation is deaf now. Infinite where nothing is watched."""
        if self.bound is None:
            return float("inf")
        if self.retrying is not None:
            return now + self.bound
        due = self.proven_at + self.bound
        return due if due > now else None

    def healthy_for(self, now: float) -> float:
        """Seconds of proven health of an incarnation that ends now."""
        if self.started_at is None:
            return 0.0
        if self.bound is not None:
            return self.proven_at - self.started_at
        return (now if self.retrying is None else self.retrying_since) - self.started_at
