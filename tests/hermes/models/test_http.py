"""Streams over real HTTP: bounded in every wait, and nothing left open by any way out."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from hermes.errors import ConfigError, RemoteProtocolError, TransientError
from hermes.models.failures import Speaker
from hermes.models.http import Http, Timing
from tests.hermes.models.provider import (
    WITHIN,
    Answer,
    Line,
    Provider,
    cut_after,
    endless,
    event,
    refusing,
    serving,
    silent_after,
    stream,
)

SPEAKER = Speaker("Somebody", "m", "sk-secret-key-1", "A_KEY")
QUICK = Timing(connect=5, first_byte=0.2, idle=0.2, event=0.2)


@asynccontextmanager
async def pool(*answers: Answer, timing: Timing | None = None) -> AsyncIterator[tuple[Http, Provider]]:
    async with serving(*answers) as provider:
        http = Http(SPEAKER, provider.url, {"authorization": "Bearer x"}, timing)
        try:
            yield http, provider
        finally:
            with trio.CancelScope(shield=True):
                await http.aclose()


async def read(http: Http) -> list[str]:
    found: list[str] = []
    with trio.fail_after(WITHIN):
        async with http.stream("/x", b'{"a": 1}') as events:
            while some := await events.next():
                found.extend(one.data for one in some)
    return found


async def test_a_stream_brings_its_events_and_the_request_its_body_and_headers() -> None:
    async with pool(stream(": hello\n\n", "data: o", "ne\n", "\ndata: two\n\n")) as (http, provider):
        assert await read(http) == ["one", "two"]
    (request,) = provider.requests
    assert (request.path, request.body, request.headers["authorization"]) == ("/x", {"a": 1}, "Bearer x")


async def test_a_stream_leaves_nothing_to_the_garbage_collector(uncollected: None) -> None:
    async with pool(stream(event("one"))) as (http, _):
        assert await read(http) == ["one"]
        assert not [kept for kept in gc.get_objects() if isinstance(kept, httpx.Response | httpx.Request)]


async def test_a_connection_is_used_again_and_closed_with_the_pool() -> None:
    async with pool(stream(event("one"))) as (http, provider):
        for _ in range(3):
            assert await read(http) == ["one"]
        assert provider.connections == 1
        await http.aclose()
        await provider.until_closed()
        assert await read(http) == ["one"]
        assert provider.connections == 2


async def test_a_stream_under_way_outlives_the_closing_of_its_pool() -> None:
    release = trio.Event()

    async def slow(line: Line) -> None:
        await line.head()
        await line.send(event("one"))
        await release.wait()
        await line.send(event("two"))
        await line.end()

    async with pool(slow) as (http, provider):
        with trio.fail_after(WITHIN):
            async with http.stream("/", b"{}") as events:
                assert await events.next()
                await http.aclose()
                release.set()
                assert await events.next()
                assert not await events.next()
        await provider.until_closed()


async def test_json_in_place_of_a_stream_is_one_event() -> None:
    async with pool(refusing(200, {"whole": True})) as (http, _):
        assert await read(http) == ['{"whole": true}']


async def test_a_web_page_is_no_answer() -> None:
    async with pool(refusing(200, "<html><title>Hi</title></html>", "text/html")) as (http, _):
        with pytest.raises(RemoteProtocolError, match=r"Somebody answered with a web page: model\.base_url"):
            await read(http)


async def test_a_cut_stream_is_the_worlds_fault() -> None:
    async with pool(cut_after(event("one"))) as (http, _):
        with pytest.raises(TransientError, match="connection to Somebody was lost"):
            await read(http)


async def test_a_refused_connection_is_the_worlds_fault() -> None:
    async with serving(stream()) as provider:
        url = provider.url
    http = Http(SPEAKER, url)
    with pytest.raises(TransientError, match="no connection to Somebody"):
        await read(http)
    await http.aclose()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (silent_after(head=False), "did not send an answer within 0.2 s"),
        (silent_after(), "did not send an answer within 0.2 s"),
        (silent_after(event("one")), "did not send the rest within 0.2 s"),
        (endless(": alive\n\n"), "did not send the rest within 0.2 s"),
    ],
)
async def test_each_silence_has_its_bound(answer: Answer, words: str) -> None:
    async with pool(answer, timing=QUICK) as (http, provider):
        with pytest.raises(TransientError, match=words):
            await read(http)
        await provider.until_closed()


async def test_a_stream_that_goes_nowhere_has_an_end() -> None:
    timing = Timing(first_byte=WITHIN, idle=WITHIN, event=WITHIN, whole=0.3)
    async with pool(endless(event("ping")), timing=timing) as (http, provider):
        with pytest.raises(TransientError, match="did not send the rest"):
            await read(http)
        await provider.until_closed()


async def test_events_and_comments_keep_a_slow_stream_alive() -> None:
    timing = Timing(first_byte=WITHIN, idle=WITHIN, event=WITHIN)
    async with pool(stream(event("one"), ": alive\n\n", event("two"), pause=0.02), timing=timing) as (http, _):
        assert await read(http) == ["one", "two"]


async def test_a_cancelled_stream_closes_its_connection_and_leaves_no_generator_behind() -> None:
    async with pool(endless(event("one"))) as (http, provider):
        with trio.move_on_after(0.1) as scope:
            await read(http)
        assert scope.cancelled_caught
        await provider.until_closed()
        gc.collect()


async def test_a_stream_that_is_left_by_an_error_closes_its_connection() -> None:
    async with pool(endless(event("one"), pause=0.0)) as (http, provider):
        with pytest.raises(ValueError, match="mine"):
            await leave_by_an_error(http)
        await provider.until_closed()
        gc.collect()


async def leave_by_an_error(http: Http) -> None:
    async with http.stream("/", b"{}") as events:
        await events.next()
        raise ValueError("mine")


async def test_a_stream_that_is_left_with_its_last_event_gives_its_connection_back() -> None:
    async with pool(stream(event("one"), event("two"))) as (http, provider):
        for _ in range(2):
            async with http.stream("/", b"{}") as events:
                await events.next()
        assert provider.connections == 1


@pytest.mark.parametrize("url", ["nowhere", "ftp://h", "http://h:port"])
async def test_an_address_that_is_none_names_its_key(url: str) -> None:
    http = Http(SPEAKER, url)
    with pytest.raises(ConfigError) as caught:
        await read(http)
    assert caught.value.key == "model.base_url"
    await http.aclose()


@pytest.mark.parametrize("target", ["http://xn--a/", "//xn--0.test/x", "http://[::1", "http:///x"])
async def test_a_redirect_that_leads_nowhere_is_an_error_of_the_tree(target: str) -> None:
    async def answer(line: Line) -> None:
        await line.head(302, location=target)
        await line.end()

    async with pool(answer) as (http, _):
        with pytest.raises((TransientError, ConfigError)):
            await read(http)


async def test_a_huge_error_page_is_read_no_further_than_needed() -> None:
    async def huge(line: Line) -> None:
        await line.head(500, "text/plain")
        while True:
            await line.send("x" * 65536)

    async with pool(huge) as (http, provider):
        with pytest.raises(TransientError, match=r"Somebody failed \(500\)"):
            await read(http)
        await provider.until_closed()
