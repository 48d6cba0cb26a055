"""Puts one question to a search engine over HTTP, bounded in time and size.

The address is the configuration's, not the model's: a person's own SearXNG may well be on their own network. Nothing is
followed elsewhere, since a key may be in the request.
"""

import json

import trio

import hermes
from hermes.errors import Refused
from hermes.lean_httpx import httpx
from hermes.tools.web.fetch import authorities, read_body, reason
from hermes.tools.web.providers import Provider, Question

ASK_SECONDS = 20.0
# Twenty hits have some ten thousand.
MOST_BYTES = 1_000_000

_NOT_ALLOWED = frozenset({401, 403})
_TOO_MANY = frozenset({402, 429, 432, 433})
_OK = 200


async def ask(provider: Provider, query: str, limit: int) -> object:
    """The answer, decoded. Raises ``Refused`` with a sentence for whatever keeps it from being had."""
    with trio.move_on_after(ASK_SECONDS):
        try:
            status, content = await _exchange(provider.ask(query, limit))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Refused(f"{provider.name} could not be asked: {reason(error)}. See {provider.setting}") from error
        return _decoded(provider, status, content)
    raise Refused(f"{provider.name} did not answer within {ASK_SECONDS:g} seconds")


async def _exchange(question: Question) -> tuple[int, bytes]:
    get = question.method == "GET"
    async with httpx.AsyncClient(verify=await authorities(), timeout=ASK_SECONDS, trust_env=False) as client:
        request = client.build_request(
            question.method,
            question.url,
            params=dict(question.parameters) if get else None,
            json=None if get else dict(question.parameters),
            headers={
                **question.headers,
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": f"Hermes/{hermes.__version__} (personal agent)",
            },
        )
        response = await client.send(request, stream=True)
        try:
            body = await read_body(response, MOST_BYTES)
        finally:
            await response.aclose()
    return response.status_code, bytes(body.content)


def _decoded(provider: Provider, status: int, content: bytes) -> object:
    if status in _NOT_ALLOWED:
        json_off = ", or its JSON format is switched off (search.formats)" if provider.name == "SearXNG" else ""
        raise Refused(f"{provider.name} refused to answer ({status}): check {provider.setting}{json_off}")
    if status in _TOO_MANY:
        raise Refused(f"{provider.name} has had too many questions ({status}): try again later")
    if status != _OK:
        raise Refused(f"{provider.name} answered {status}: try again later, or check {provider.setting}")
    try:
        answer: object = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused(f"{provider.name} answered something else than results: check {provider.setting}") from None
    return answer
