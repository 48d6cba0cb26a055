"""The ways in which the fake Bot API misbehaves: each takes the place of an answer."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from attrs import frozen

from tests.adapters.telegram.http import Connection
from tests.adapters.telegram.rules import Refusal


@frozen
class Call:
    """One request that was carried out, refused or lost."""

    method: str
    parameters: dict[str, Any]


class Server(Protocol):
    """The fake, as a fault needs it."""

    async def answer(self, connection: Connection, result: Any) -> None: ...

    def carried_out(self, call: Call) -> Any: ...


Fault = Callable[[Server, Connection, Call], Awaitable[None]]


def refusing(status: int, description: str = "Internal Server Error", *, retry_after: int | None = None) -> Fault:
    """Refuse it, without carrying it out."""

    async def fault(api: Server, connection: Connection, call: Call) -> None:
        await api.answer(connection, Refusal(status, description, retry_after))

    return fault


def flooded(seconds: int) -> Fault:
    return refusing(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


async def cut(api: Server, connection: Connection, call: Call) -> None:
    """Close the connection without carrying it out."""
    await connection.stream.aclose()


async def lose_reply(api: Server, connection: Connection, call: Call) -> None:
    """Carry it out, and close the connection instead of answering."""
    api.carried_out(call)
    await connection.stream.aclose()


async def hang(api: Server, connection: Connection, call: Call) -> None:
    """Say nothing for as long as the client stays; it is not carried out."""
    await connection.until_closed()


async def hang_after(api: Server, connection: Connection, call: Call) -> None:
    """Carry it out, and say nothing."""
    api.carried_out(call)
    await connection.until_closed()


async def babble(api: Server, connection: Connection, call: Call) -> None:
    """A page of some proxy."""
    await connection.answer(200, b"<html>welcome to the hotel's network</html>", "text/html")


def telling(answer: Any) -> Fault:
    """Carry it out, and answer by this, whatever it is."""

    async def fault(api: Server, connection: Connection, call: Call) -> None:
        api.carried_out(call)
        await connection.answer(200, json.dumps(answer).encode())

    return fault


def saying(status: int, body: Any) -> Fault:
    """Do not carry it out, and say this: JSON as it stands, or what is to become it."""
    content = body if isinstance(body, str) else json.dumps(body)

    async def fault(api: Server, connection: Connection, call: Call) -> None:
        await connection.answer(status, content.encode())

    return fault


async def quote_oddly(api: Server, connection: Connection, call: Call) -> None:
    """Carry it out, and tell of the message with one that it quotes, which the library cannot read."""
    sent = api.carried_out(call)
    odd = {"message_id": 1, "date": 1_790_000_000, "chat": {"id": 1, "type": "private"}, "dice": {"sides": 20}}
    await api.answer(connection, {**sent, "reply_to_message": odd})


def page(status: int) -> Fault:
    """An error that somebody between tells, a firewall or a hotel's network."""

    async def fault(api: Server, connection: Connection, call: Call) -> None:
        await connection.answer(status, b"<html>you may not</html>", "text/html")

    return fault
