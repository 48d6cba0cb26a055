"""The key: who has proven to know it, and how often one may guess.

Rules:

1. A browser trades the key for a cookie (HttpOnly, SameSite=Strict), a program sends ``Authorization: Bearer KEY``.
2. The cookie is a date and a MAC of it under the key: nothing is kept here, so a restart logs nobody out, and a new key
   logs everybody out.
3. Keys and MACs are compared in constant time.
4. Without a key the users of this machine are told apart by the kernel: our own, and root, are admitted.
5. ``ATTEMPTS`` wrong keys a minute from one address, then every key from there is refused for a while, the right one
   too: an answer that differed would be a guess that counts.
"""

import hmac
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from hashlib import sha256

import trio
from attrs import define, field, frozen

from adapters.web.peer import Peer

ATTEMPTS = 5
"""Wrong keys that one address may send in ``ATTEMPT_WINDOW``: a person mistypes a few times, a program guesses."""

ATTEMPT_WINDOW = 60.0
"""Seconds."""

ADDRESSES = 256
"""Addresses whose attempts are remembered; when all of them are guessing, new ones have to wait too."""

COOKIE_AGE = 30 * 86400
"""Seconds for which a browser stays logged in."""


@frozen
class Admitted:
    """The request may pass."""


STRANGER = "without a key only the user who runs the gateway is served: set API_SERVER_KEY in its .env for others"
"""Why a ``Stranger`` is turned away."""


@frozen
class Denied:
    """The request has proven nothing."""


@frozen
class Stranger:
    """There is no key, and another user's program asks."""


@frozen
class TooMany:
    """Too many wrong keys came from there."""

    retry_after: float
    """Seconds."""


Verdict = Admitted | Denied | Stranger | TooMany


@define
class Attempts:
    """The wrong keys of the last minute, by address."""

    _wrong: OrderedDict[str, deque[float]] = field(factory=OrderedDict[str, deque[float]])

    def wait(self, address: str) -> float:
        """Seconds until ``address`` may try again; 0.0 when it may now."""
        self._forget()
        times = self._wrong.get(address)
        if times is None:
            return ATTEMPT_WINDOW if len(self._wrong) >= ADDRESSES else 0.0
        return times[0] + ATTEMPT_WINDOW - trio.current_time() if len(times) >= ATTEMPTS else 0.0

    def note(self, address: str) -> None:
        """A wrong key came from ``address``."""
        self._wrong.setdefault(address, deque(maxlen=ATTEMPTS)).append(trio.current_time())
        self._wrong.move_to_end(address)

    def _forget(self) -> None:
        horizon = trio.current_time() - ATTEMPT_WINDOW
        while self._wrong and next(iter(self._wrong.values()))[-1] <= horizon:
            self._wrong.popitem(last=False)


@define
class Gatekeeper:
    """Judges requests by the key; without one, by whose program asks."""

    _key: str | None
    cookie_name: str
    _attempts: Attempts = field(factory=Attempts)

    def admits(self, headers: Mapping[str, str], peer: Peer) -> Verdict:
        """Judge a request by its cookie or its bearer token."""
        if self._key is not None and self._has_cookie(headers.get("cookie", "")):
            return Admitted()
        return self.admits_token(headers, peer)

    def admits_token(self, headers: Mapping[str, str], peer: Peer) -> Verdict:
        """Judge a request by its bearer token alone: what a browser sends by itself proves nothing here."""
        if self._key is None:
            return _neighbour(peer)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return Denied()
        # A header arrives as latin-1, whatever the sender meant.
        return self._try(token.strip().encode("latin-1", "replace"), peer.address)

    def login(self, key: str, peer: Peer) -> Verdict:
        """Judge a key that a person typed."""
        return _neighbour(peer) if self._key is None else self._try(key.encode("utf-8", "replace"), peer.address)

    def cookie(self) -> str:
        """The value of a new cookie."""
        expires = int(time.time()) + COOKIE_AGE
        return f"{expires}.{self._mac(str(expires))}"

    def _try(self, key: bytes, address: str) -> Verdict:
        wait = self._attempts.wait(address)
        if wait > 0:
            return TooMany(retry_after=wait)
        if hmac.compare_digest(_digest(key), _digest((self._key or "").encode())):
            return Admitted()
        self._attempts.note(address)
        return Denied()

    def _has_cookie(self, header: str) -> bool:
        expires, _, mac = _cookies(header).get(self.cookie_name, "").partition(".")
        if not expires.isascii() or not expires.isdigit():
            return False
        genuine = hmac.compare_digest(mac.encode(), self._mac(expires).encode())
        return genuine and int(expires) > time.time()

    def _mac(self, expires: str) -> str:
        return hmac.new((self._key or "").encode(), f"hermes page {expires}".encode(), sha256).hexdigest()


def _neighbour(peer: Peer) -> Admitted | Stranger:
    return Admitted() if peer.is_ours() else Stranger()


def _cookies(header: str) -> dict[str, str]:
    """Names and values. By hand: one odd cookie of another program on this host must not hide ours."""
    pairs = (part.partition("=") for part in header.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _digest(key: bytes) -> bytes:
    """Of one length for every key, so that the comparison tells no length."""
    return sha256(key).digest()
