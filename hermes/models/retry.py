"""Which failed call of a model is made again, and after which pause. Pure.

1. Only what may pass is tried again: a broken piece once, the world's faults as often as is configured. A key, a
   setting or a refusal is the same a second later.
2. A pause that the provider asks for is kept to the second and never shortened. One that is longer than a person waits
   in front of a chat is not waited for at all: they are told of it.
3. Other pauses double, and half of each is left to chance, so that conversations that failed together do not come back
   together.
"""

from collections.abc import Callable

from hermes.errors import AuthError, ConfigError, HermesError, RateLimited, RemoteProtocolError, TransientError

# Seconds: the longest pause that is kept while somebody waits.
MAX_PAUSE = 60.0

# Seconds of the first pause of our own, doubled with each further one.
FIRST_PAUSE = 1.0
LONGEST_OWN_PAUSE = 20.0

# Share that is added at random to a pause that a provider asks for: others were told the same.
SPREAD = 0.1


def retry_after(error: HermesError, failed: int, retries: int, random: Callable[[], float]) -> float | None:
    """Seconds before the call is made again; None: it is not.

    ``failed`` calls have failed so far, this one included; ``random`` yields numbers in [0, 1).
    """
    if failed > (min(retries, 1) if isinstance(error, RemoteProtocolError) else retries):
        return None
    if isinstance(error, RateLimited):
        return error.retry_after * (1 + SPREAD * random()) if error.retry_after <= MAX_PAUSE else None
    if isinstance(error, TransientError | RemoteProtocolError):
        grown: float = min(LONGEST_OWN_PAUSE, FIRST_PAUSE * 2.0 ** min(failed - 1, 10))
        return grown * (1 - random() / 2)
    return None


def others_may_do(error: HermesError) -> bool:
    """Whether a model of another provider may answer what this one could not.

    Not where the request itself was refused: another provider would be asked behind the first one's back.
    """
    return isinstance(error, TransientError | RemoteProtocolError | AuthError | ConfigError)
