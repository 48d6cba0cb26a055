"""How long the way back after a fault took. Pure."""

from bisect import bisect_right
from collections.abc import Sequence

from benchmarks.soak.trace import Span, Trace

# Seconds from the end of a fault to the next answer: what is promised, and after which no answer is an answer too.
RECOVERY = 30.0


def recovered(span: Span, trace: Trace, answered: Sequence[float]) -> float | None:
    """Seconds from the end of ``span`` to the next of the times at which something was answered.

    None when it cannot be said: another fault lasted still, or one or a kill came soon, and before the answer. Where
    none of them and no answer came for longer than is promised, that time.
    """
    if any(other.begins <= span.ends < other.ends for other in trace.faults if other != span):
        return None
    following = [other.begins for other in trace.faults] + trace.kills + trace.ended + [trace.seconds]
    disturbed = min((at for at in following if at > span.ends), default=trace.seconds)
    number = bisect_right(answered, span.ends)
    if number < len(answered) and answered[number] <= disturbed:
        return answered[number] - span.ends
    waited = disturbed - span.ends
    return waited if waited > RECOVERY else None
