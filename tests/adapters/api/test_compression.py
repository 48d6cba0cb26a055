"""Programs that talk for so long that their session is summed up."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx

from hermes.config.schema import Compression
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from tests.actors.conversation.test_compression import LONG, Talk, told
from tests.actors.house import settings
from tests.adapters.api.conftest import Serve, Served, user
from tests.adapters.api.test_chat import CHAT, SESSION
from tests.adapters.api.test_responses import ask
from tests.hermes.models.wires.valid import anthropic_body, chat_body

SUMMARY = "[What was"


async def counted(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield Completed(Message(Role.ASSISTANT, "THE SUMMARY"), Usage(7000, 70))


def text_of(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def check(talk: Talk) -> None:
    """Both wires take every request."""
    for request in talk.asked:
        chat_body(request)
        anthropic_body(request)


def said(number: int) -> list[dict[str, Any]]:
    """What a client that keeps its own history has of so many exchanges, and the next question."""
    texts = [
        text for each in range(number) for text in (("user", f"number {each} {LONG}"), ("assistant", f"answer {each}"))
    ]
    return [{"role": role, "content": text} for role, text in (*texts, ("user", f"number {number} {LONG}"))]


async def _responses(served: Served, count: int) -> list[Any]:
    responses = [await ask(served, f"number 0 {LONG}")]
    for number in range(1, count):
        responses.append(await ask(served, f"number {number} {LONG}", previous_response_id=responses[-1]["id"]))
    return responses


def _kept(served: Served, session: str) -> list[str]:
    rows = served.rows(f"SELECT substr(content, 1, 9) FROM messages WHERE session_id = '{session}' ORDER BY id")
    return [text for (text,) in rows]


async def test_a_client_that_sends_its_whole_history_is_answered_out_of_a_summary_of_it(serve: Serve) -> None:
    talk = Talk(sums=counted)
    async with serve(talk.model) as served:
        for number in (8, 9):
            answer = await served.client.post(CHAT, json={"messages": said(number)})
            assert text_of(answer).startswith(f"answer to number {number}"[:18])
            assert answer.json()["usage"]["completion_tokens"] > 70
            kept = _kept(served, answer.headers[SESSION])
            assert kept[: 2 * number] == [message["content"][:9] for message in said(number)[:-1]]
        assert served.count("sessions") == served.count("compressions") == 2
    assert len(talk.asked) == len(talk.summed) == 2
    for request, number in zip(talk.asked, (8, 9), strict=True):
        assert SUMMARY in told(request)
        assert told(request)[-1] == f"number {number} "[:9]
        assert len(request.messages) < 2 * number
    check(talk)


async def test_a_session_goes_on_by_its_header_across_a_compression_and_a_restart(serve: Serve) -> None:
    talk, headers = Talk(), dict[str, str]()
    for numbers in (range(8), range(8, 12)):
        async with serve(talk.model) as served:
            for number in numbers:
                answer = await served.client.post(CHAT, json=user(f"number {number} {LONG}"), headers=headers)
                assert text_of(answer).startswith(f"answer to number {number}"[:18])
                headers = {SESSION: answer.headers[SESSION]}
            assert served.count("sessions") == 1
            kept = _kept(served, headers[SESSION])
    assert kept == [text for number in range(12) for text in (f"number {number} "[:9], "answer to")]
    assert len(talk.summed) >= 2
    first = next(number for number, request in enumerate(talk.asked) if SUMMARY in told(request))
    assert all(SUMMARY in told(request) for request in talk.asked[first:])
    check(talk)


async def test_a_response_goes_on_across_a_compression(serve: Serve) -> None:
    talk = Talk()
    async with serve(talk.model) as served:
        responses = await _responses(served, 9)
        assert served.count("sessions") == 1
    assert len({response["id"] for response in responses}) == 9
    assert talk.summed
    assert told(talk.asked[-1])[-1] == "number 8 "
    check(talk)


async def test_a_branch_has_the_summary_of_what_stands_before_it_and_of_nothing_else(serve: Serve) -> None:
    talk = Talk()
    async with serve(talk.model) as served:
        responses = await _responses(served, 9)
        summed = len(talk.summed)
        await ask(served, "early", previous_response_id=responses[1]["id"])
        await ask(served, "late", previous_response_id=responses[7]["id"])
        assert served.count("sessions") == 3
        assert served.count("compressions") == summed
    early, late = talk.asked[-2:]
    assert told(early) == ["number 0 ", "answer to", "number 1 ", "answer to", "early"]
    assert SUMMARY in told(late)
    assert told(late)[-3:] == ["number 7 ", "answer to", "late"]
    assert not any("number 8" in message.content for message in late.messages)
    check(talk)


async def test_other_instructions_begin_a_session_with_the_summary(serve: Serve) -> None:
    talk = Talk()
    async with serve(talk.model) as served:
        responses = await _responses(served, 9)
        await ask(served, "now", previous_response_id=responses[-1]["id"], instructions="Be brief.")
    last, before = talk.asked[-1], talk.asked[-2]
    assert last.messages[: len(before.messages)] == before.messages
    assert last.system.endswith("Be brief.")


async def test_a_stream_shows_nothing_of_the_summary(serve: Serve) -> None:
    talk = Talk()
    async with serve(talk.model) as served:
        answer = await served.client.post(CHAT, json={"messages": said(8), "stream": True})
    assert talk.summed
    assert "never shown" not in answer.text
    assert "SUMMARY" not in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_a_program_may_ask_for_a_compression(serve: Serve) -> None:
    talk = Talk()
    free = settings(compression=Compression(enabled=False, protect_last_n=1))
    async with serve(talk.model, configured=free) as served:
        answer = await served.client.post(CHAT, json={"messages": said(3)})
        headers = {SESSION: answer.headers[SESSION]}
        told_so = await served.client.post(CHAT, json=user("/compress"), headers=headers)
        assert "summed up" in text_of(told_so)
        await served.client.post(CHAT, json=user("go on"), headers=headers)
    assert len(talk.summed) == 1
    assert told(talk.asked[-1]) == [SUMMARY, "go on"]
