"""`hermes chat` in a real pseudo-terminal, with the offline model."""

import json
import os
import shlex
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.real.pseudo_terminal import CTRL_C, CTRL_D, CTRL_Z, ENTER, ESCAPE, HERMES, TAB, UP, Terminal, terminal

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def home(hermes_home: Path) -> Path:
    # One family of tools is enough, and is started with faster.
    (hermes_home / "config.yaml").write_text("toolsets: [terminal]\n")
    return hermes_home


async def ready(chat: Terminal) -> None:
    await chat.see_status("ready")


async def leave(chat: Terminal) -> None:
    await ready(chat)
    await chat.type(CTRL_D)
    assert await chat.ended() == 0


async def test_an_answer_is_streamed_and_then_stands_there_once(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 30 slowly", ENTER)
        await chat.see("> count to 30 slowly", "1 2 3 4")
        assert " 30\n" not in chat.screen.text, "it was shown while it was written"
        await chat.see_status("writing")
        await chat.see("29 30")
        await leave(chat)
    assert chat.screen.text.count("29 30") == 1
    assert chat.screen.text.count("1 2 3 4") == 1


async def test_markdown_is_laid_out(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("say **bold** and `code`", ENTER)
        await chat.see("> say", "bold and code")
        await leave(chat)


async def test_ctrl_c_interrupts_the_turn_and_not_the_program(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 5000 slowly", ENTER)
        await chat.see_status("writing")
        await chat.type(CTRL_C)
        await chat.see("Stopped.")
        await ready(chat)
        await chat.type("say still here", ENTER)
        await chat.see("> say still here", "still here")
        await ready(chat)
        await chat.type(CTRL_C)
        await chat.see_status("Ctrl-C again leaves")
        await chat.type(CTRL_C)
        assert await chat.ended() == 0
        assert chat.modes_now() == chat.modes


async def test_a_slash_offers_commands_and_tab_completes_one(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("/st")
        await chat.see("> /st", "/stop", "/status")
        await chat.type(TAB, TAB)
        await chat.see("> /status")
        await chat.type(ENTER, ENTER)
        await chat.see("> /status", "turn: none running")
        await leave(chat)


async def test_a_dangerous_command_runs_only_when_it_is_allowed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("run rm -rf victim", ENTER)
        await chat.see("Run this command?", "    rm -rf victim", "[o]nce", "[d]eny")
        assert victim.exists()
        await chat.type("d")
        await chat.see("answered: deny")
        await ready(chat)
        assert victim.exists()
        await chat.type(UP, ENTER)
        await chat.see("answered: deny", "Run this command?", "[o]nce")
        await chat.type("o")
        await chat.see("answered: once", "terminal rm -rf victim", "[exit code 0]")
        assert not victim.exists()
        await leave(chat)


async def test_more_lines_and_a_paste_are_one_message(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("say one", ESCAPE + ENTER, "\x1b[200~two\r\nthree\x1b[201~")
        await chat.see("> say one", "  two", "  three")
        await chat.type(ENTER)
        await chat.see("one two three")
        await leave(chat)
    assert chat.screen.text.count("> say one") == 1


async def test_what_is_typed_while_a_turn_runs_is_taken(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 5000 slowly", ENTER)
        await chat.see_status("writing")
        await chat.type("say instead", ENTER)
        await chat.see("> say instead", "Interrupted", "instead")
        await leave(chat)


async def test_kill_9_in_the_middle_of_an_answer_and_it_arrives_when_the_chat_goes_on(
    tmp_path: Path, home: Path
) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 60 slowly", ENTER)
        await chat.see("1 2 3 4")
        chat.process.send_signal(signal.SIGKILL)
        await chat.ended()
    (lock,) = (home / "run").glob("terminal-*.lock")
    async with terminal("chat", "--continue", cwd=tmp_path) as chat:
        await chat.see("> count to 60 slowly", "58 59 60")
        await leave(chat)
    assert chat.screen.text.count("58 59 60") == 1
    assert not lock.exists()


async def test_a_chat_that_is_left_while_it_answers_says_so_and_goes_on_later(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 60 slowly", ENTER)
        await chat.see("1 2 3 4")
        await chat.type(CTRL_D)
        assert await chat.ended() == 0
        await chat.see("goes on with `hermes chat --continue`", "hermes chat --resume ")
        assert chat.modes_now() == chat.modes
    session = chat.screen.text.rpartition("--resume ")[2].split()[0]
    async with terminal("chat", "--resume", session, cwd=tmp_path) as chat:
        await chat.see("> count to 60 slowly", "58 59 60")
        await leave(chat)


@pytest.mark.parametrize(("how", "code"), [("close", 128 + signal.SIGHUP), ("SIGTERM", 128 + signal.SIGTERM)])
async def test_a_closed_terminal_and_sigterm_lose_nothing_and_leave_no_traceback(
    tmp_path: Path, home: Path, how: str, code: int
) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 60 slowly", ENTER)
        await chat.see("1 2 3 4")
        if how == "close":
            chat.close()
        else:
            chat.process.send_signal(signal.SIGTERM)
        assert await chat.ended() == code
    assert "Traceback" not in chat.screen.text
    assert "Traceback" not in (home / "logs" / "agent.log").read_text()
    assert not list((home / "run").glob("terminal-*.lock"))
    async with terminal("chat", "--continue", cwd=tmp_path) as chat:
        await chat.see("> count to 60 slowly", "58 59 60")
        await leave(chat)


async def test_a_terminal_that_nobody_reads_ends_on_sigterm(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 10000", ENTER)
        await chat.see("> count to 10000")
        chat.reading = False
        await chat.until_stuck()
        chat.process.send_signal(signal.SIGTERM)
        assert await chat.ended() == 128 + signal.SIGTERM


async def test_keys_pressed_while_something_is_printed_are_not_echoed_and_not_lost(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("count to 10000", ENTER)
        await chat.see("9999 10000")
        await leave(chat)
    async with terminal("chat", "--continue", cwd=tmp_path) as chat:
        chat.reading = False
        await chat.until_stuck()
        assert not chat.echoes
        await chat.type("cleared", CTRL_C, "say kept", ENTER)
        async with chat.read_again():
            await chat.see("9999 10000", "> say kept", "kept")
            assert "^" not in chat.screen.text
            await leave(chat)


async def test_a_session_is_open_in_one_terminal_at_a_time(tmp_path: Path, home: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("say hello", ENTER)
        await chat.see("> say hello", "hello")
        await ready(chat)
        (lock,) = (home / "run").glob("terminal-*.lock")
        assert json.loads(lock.read_text())["pid"] == chat.process.pid
        account = lock.stem.removeprefix("terminal-")
        async with terminal("chat", "--resume", account, cwd=tmp_path) as other:
            assert await other.ended() == 1
            await other.see(f"hermes: session {account} is open in another terminal (pid {chat.process.pid})")
        assert other.screen.text.count("\n") == 0, "one clear line"
        await leave(chat)


async def test_another_size_is_drawn_anew(tmp_path: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("say before", ENTER)
        await chat.see("> say before", "before")
        await ready(chat)
        chat.resize(20, 50)
        await chat.until(lambda screen: any(line.startswith("ready") and len(line) < 50 for line in screen.lines))
        await chat.type("say after", ENTER)
        await chat.see("> say after", "after")
        await ready(chat)
        assert sum(line.startswith("ready") for line in chat.screen.lines) == 1
        await leave(chat)


async def test_history_is_kept_for_the_next_chat_and_for_its_owner_alone(tmp_path: Path, home: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("say remember me", ENTER)
        await chat.see("> say remember me", "remember me")
        await leave(chat)
    assert (home / "history").stat().st_mode & 0o777 == 0o600
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type(UP)
        await chat.see("> say remember me")
        await chat.type(CTRL_C)
        await leave(chat)


async def test_ctrl_z_gives_the_terminal_back_and_fg_goes_on(tmp_path: Path) -> None:
    async with terminal("-i", cwd=tmp_path, program=("/bin/dash",), environment={"PS1": "shell> "}) as shell:
        await shell.see("shell>")
        await shell.type(shlex.join((*HERMES, "chat")), ENTER)
        await ready(shell)
        await shell.type("say before", ENTER)
        await shell.see("> say before", "before")
        await ready(shell)
        running = shell.modes_now()
        await shell.type(CTRL_Z)
        await shell.see("Stopped", "shell>")
        assert shell.modes_now() != running, "the shell has the terminal's usual modes"
        await shell.type("echo in the shell", ENTER)
        await shell.see("Stopped", "\nin the shell", "shell>")
        await shell.type("fg", ENTER)
        await shell.see("shell> fg", "hermes chat", "\nready")
        await shell.type("say after", ENTER)
        await shell.see("shell> fg", "> say after", "after")
        await ready(shell)
        await shell.type(CTRL_D)
        await shell.see("hermes chat --resume", "shell>")


async def test_a_chat_that_began_on_the_page_goes_on_in_the_terminal(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "home")
    page = Page(gateway.port, "chat")
    with trio.fail_after(120):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            await page.send("e1", "say on the page")
            await page.until_answered("e1")
            nursery.cancel_scope.cancel()
        assert await gateway.stop() == 0
    with closing(sqlite3.connect(gateway.home / "state.db")) as database:
        ((session,),) = database.execute("SELECT id FROM sessions").fetchall()
    environment = {"HERMES_HOME": str(gateway.home)}
    async with terminal("chat", "--resume", session, cwd=tmp_path, environment=environment) as chat:
        await chat.see("> say on the page", "on the page")
        await ready(chat)
        await chat.type("say in the terminal", ENTER)
        await chat.see("> say in the terminal", "in the terminal")
        await leave(chat)


async def test_a_resumed_chat_shows_nothing_of_what_was_said_where_that_is_wanted(tmp_path: Path, home: Path) -> None:
    async with terminal("chat", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("say something", ENTER)
        await chat.see("> say something", "something")
        await leave(chat)
    (home / "config.yaml").write_text("toolsets: [terminal]\ndisplay: {resume_display: minimal}\n")
    async with terminal("chat", "--continue", cwd=tmp_path) as chat:
        await chat.see("resumed")
        await leave(chat)
    assert "something" not in chat.screen.text


async def test_a_store_that_cannot_be_used_ends_the_chat_with_a_line_and_leaves_the_terminal_as_it_was(
    tmp_path: Path, home: Path
) -> None:
    with closing(sqlite3.connect(home / "state.db")) as database:
        database.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
        database.execute("INSERT INTO schema_version VALUES (999)")
        database.commit()
    async with terminal("chat", cwd=tmp_path) as chat:
        assert await chat.ended() == 78
        await chat.see("hermes: ", "version 999")
        assert chat.modes_now() == chat.modes
    assert "Traceback" not in chat.screen.text


async def test_what_is_logged_is_shown_above_the_prompt_where_it_is_asked_for(tmp_path: Path) -> None:
    async with terminal("chat", "-v", cwd=tmp_path) as chat:
        await ready(chat)
        await chat.type("say hello", ENTER)
        await chat.see("INFO actors.runtime.report: gateway/conversations/agent:main:terminal", "started")
        await leave(chat)


async def test_one_question_asks_at_the_terminal(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    async with terminal("chat", "-q", f"run rm -rf {victim}", cwd=tmp_path) as chat:
        await chat.see("Run this command?", f"rm -rf {victim}", "[o]nce")
        assert victim.exists()
        await chat.type("once\n")
        await chat.see("[exit code 0]")
        assert await chat.ended() == 0
    assert not victim.exists()


async def test_ctrl_c_at_one_question_stops_it_and_leaves(tmp_path: Path, home: Path) -> None:
    async with terminal("chat", "-q", "count to 5000 slowly", cwd=tmp_path) as chat:
        with trio.fail_after(60):
            while not (home / "state.db-wal").exists() or b"count to 5000" not in (home / "state.db-wal").read_bytes():
                await trio.sleep(0.02)
        os.kill(chat.process.pid, signal.SIGINT)
        assert await chat.ended() == 128 + signal.SIGINT
    assert "Traceback" not in chat.screen.text
