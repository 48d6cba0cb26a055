"""The real gateway and its page in a real browser: what a newcomer does in the first minutes."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hermes.control import request
from tests.kill.process import Gateway
from tests.real.browser import Page
from tests.real.conftest import online

pytestmark = [pytest.mark.real, pytest.mark.browser]

BUTTON = "[...document.querySelectorAll('#log button')].find(b => b.textContent.trim() === {label})"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "home")
    await gateway.start()
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()


async def say(page: Page, text: str) -> None:
    await page.type("#text", text)
    await page.press("Enter")


async def shows(page: Page, selector: str, text: str) -> None:
    """Wait until the last element that matches contains this text."""
    found = f"[...document.querySelectorAll({json.dumps(selector)})].at(-1)?.innerText"
    await page.wait_for(f"({found} ?? '').includes({json.dumps(text)})")


async def test_a_newcomer_sends_sees_the_answer_stream_and_approves_a_command(page: Page, gateway: Gateway) -> None:
    (gateway.home / "a-file.txt").write_text("here")
    await page.goto(f"http://127.0.0.1:{gateway.port}/")
    await online(page)
    await say(page, "count to 30 slowly")
    await shows(page, "#draft .markdown", "1 2 3")
    await shows(page, "#log .answer", "29 30")
    await say(page, "run ls")
    await shows(page, "#log pre", "ls")
    await page.eval(BUTTON.format(label="'Allow once'") + ".click()")
    await shows(page, "#log .answer", "a-file.txt")
    await page.wait_for(
        "![...document.querySelectorAll('#log button')].some(b => /Allow/.test(b.textContent) && !b.disabled)"
    )


async def test_a_denied_command_does_not_run(page: Page, gateway: Gateway) -> None:
    await page.goto(f"http://127.0.0.1:{gateway.port}/")
    await online(page)
    await say(page, "run touch made.txt")
    await shows(page, "#log pre", "touch made.txt")
    await page.eval(BUTTON.format(label="'Deny'") + ".click()")
    await shows(page, "#log .answer", "denied by the user")
    assert not (gateway.home / "made.txt").exists()


async def test_an_answer_cut_by_a_kill_arrives_after_the_restart(page: Page, gateway: Gateway) -> None:
    await page.goto(f"http://127.0.0.1:{gateway.port}/")
    await online(page)
    await say(page, "count to 25 slowly")
    await shows(page, "#draft .markdown", "1 2 3")
    await gateway.kill()
    await page.wait_for("document.querySelector('#link').dataset.state !== 'online'")
    await gateway.start()
    await shows(page, "#log .answer", "24 25")
    assert await page.eval("document.querySelectorAll('#log .answer').length") == 1


async def test_an_actor_that_is_restarted_is_seen_in_the_tree(page: Page, gateway: Gateway) -> None:
    await page.goto(f"http://127.0.0.1:{gateway.port}/")
    await online(page)
    await page.viewport(1280, 800)
    await page.click("#inside-button")
    await shows(page, "#inside", "delivery")
    question: dict[str, object] = {"do": "restart", "child": "platforms/web/delivery"}
    with trio.fail_after(20):
        while not (gateway.home / "gateway.sock").exists():
            await trio.sleep(0.01)
    await trio.to_thread.run_sync(lambda: request(gateway.home / "gateway.sock", question, within=10))
    await page.wait_for("/restart/.test(document.querySelector('#inside').innerText)")
    await say(page, "say still here")
    await shows(page, "#log .answer", "still here")


async def test_an_actor_that_crashes_is_seen_to_come_back_and_the_answer_arrives(page: Page, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "home")
    try:
        await gateway.start("outbox.after_begin_send=raise@1")
        await page.viewport(1280, 800)
        await page.goto(f"http://127.0.0.1:{gateway.port}/")
        await online(page)
        await page.click("#inside-button")
        await say(page, "say still here")
        await page.wait_for("/failpoint outbox.after_begin_send/.test(document.querySelector('#inside').innerText)")
        await shows(page, "#log .answer", "still here")
        assert await page.eval("document.querySelectorAll('#log .answer').length") == 1
    finally:
        with trio.CancelScope(shield=True):
            await gateway.kill()
