"""Writing: whole or not at all, and never where it must not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from hermes.redact import PLACEHOLDER
from hermes.tools.contract import ToolResult
from hermes.tools.files import replace
from hermes.tools.files.read_write import read_file, write_file
from hermes.tools.registry import Registry
from tests.hermes.tools.files.disk import exists, is_link, link, mode_of, names_in, owner_of, put, text_of
from tests.hermes.tools.ports import MemoryState, World


@pytest.fixture
def path(world: World) -> Path:
    world.cwd.mkdir(parents=True)
    return world.cwd / "file.txt"


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


async def _invoke(world: World, path: str, content: str) -> ToolResult:
    """As a model calls it: what the world does to it is told and not raised."""
    arguments = json.dumps({"path": path, "content": content})
    with trio.fail_after(60):
        outcome = await Registry(["file"]).invoke("write_file", arguments, world.context())
    assert isinstance(outcome, ToolResult)
    return outcome


async def test_a_new_file_and_its_folders_are_made(world: World, path: Path) -> None:
    result = await world.result(write_file, path="a/b/new.txt", content="one\ntwo")
    written = world.cwd / "a/b/new.txt"
    assert result == ToolResult(f"Created {written}: 2 lines, 7 bytes.")
    assert written.read_bytes() == b"one\ntwo"
    assert names_in(written.parent) == ["new.txt"]


async def test_an_existing_file_is_replaced_whole(world: World, path: Path) -> None:
    put(path, "a long old content")
    result = await world.result(write_file, path="file.txt", content="\u00e9\n")
    assert result == ToolResult(f"Replaced {path}: 1 lines, 3 bytes.")
    assert text_of(path) == "\u00e9\n"


async def test_content_is_written_byte_for_byte(world: World, path: Path) -> None:
    content = "a\r\nb\tc\u2028\x00\x1b end without newline"
    await world.result(write_file, path="file.txt", content=content)
    assert text_of(path) == content


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o444])
async def test_the_mode_of_a_file_is_kept(world: World, path: Path, mode: int) -> None:
    put(path, "old", mode)
    await world.result(write_file, path="file.txt", content="new")
    assert (mode_of(path), text_of(path)) == (mode, "new")


async def test_a_new_file_gets_what_the_umask_leaves(world: World, path: Path, umask: None) -> None:
    await world.result(write_file, path="file.txt", content="x")
    assert mode_of(path) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
async def test_the_owner_of_a_file_is_kept(world: World, path: Path) -> None:
    put(path, "old")
    os.chown(path, 12345, 23456)
    await world.result(write_file, path="file.txt", content="new")
    assert owner_of(path) == (12345, 23456)


async def test_a_symbolic_link_stays_and_its_target_is_written(world: World, path: Path) -> None:
    target = path.parent / "target"
    put(target, "old")
    link(path, "target")
    assert (await world.result(write_file, path="file.txt", content="new")).content.startswith(f"Replaced {target}")
    assert is_link(path)
    assert text_of(target) == "new"


async def test_another_name_of_the_file_keeps_the_old_content(world: World, path: Path) -> None:
    put(path, "old")
    os.link(path, path.parent / "other")
    await world.result(write_file, path="file.txt", content="new")
    assert text_of(path.parent / "other") == "old"


async def test_a_name_as_long_as_the_file_system_allows_can_be_written(world: World, path: Path) -> None:
    await world.result(write_file, path="x" * 255, content="new")
    assert text_of(path.parent / ("x" * 255)) == "new"


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
async def test_a_failure_at_any_step_leaves_the_old_file_and_nothing_else(
    world: World, path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if step == "write":
        monkeypatch.setattr(replace.os, "fchmod", fail)
    elif step == "fsync":
        monkeypatch.setattr(replace.os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    result = await _invoke(world, "file.txt", "new")
    monkeypatch.undo()
    assert result == ToolResult("write_file failed: [Errno 28] No space left on device", is_error=True)
    assert text_of(path) == "old"
    assert names_in(path.parent) == ["file.txt"]


async def test_text_that_cannot_be_encoded_is_told_and_changes_nothing(world: World, path: Path) -> None:
    put(path, "old")
    result = await _invoke(world, "file.txt", "a\ud800")
    assert result.is_error
    assert text_of(path) == "old"


async def test_folders_pipes_and_devices_are_refused_at_once(world: World, path: Path) -> None:
    os.mkfifo(path.parent / "pipe")
    (path.parent / "folder").mkdir()
    put(path, "x")
    for written in (
        "pipe",
        "folder",
        "folder/",
        "/dev/null",
        "/dev/zero",
        "/proc/self/comm",
        "file.txt/below",
        "",
        "a\0b",
    ):
        # With a mark in it, the old content is looked at first.
        for content in ("x", PLACEHOLDER):
            assert (await _invoke(world, written, content)).is_error, written


async def test_a_content_beyond_all_reason_is_refused(world: World, path: Path) -> None:
    assert (await world.result(write_file, path="file.txt", content="x" * 5_000_001)).is_error
    assert not exists(path)


@pytest.mark.parametrize(
    ("written", "owner"),
    [
        ("~/.hermes/.env", "the agent's own state and settings"),
        ("~/.hermes/config.yaml", "the agent's own state and settings"),
        ("~/.hermes/state.db", "what people said to the agent (notes are changed with memory)"),
        ("../.hermes/state.db-wal", "what people said to the agent (notes are changed with memory)"),
        ("~/.hermes/memories/USER.md", "what people said to the agent (notes are changed with memory)"),
        ("~/.hermes/hooks/x/handler.py", "the agent's own state and settings"),
        ("~/.ssh/authorized_keys", "SSH keys and settings"),
        ("~/.bashrc", "what runs at log-in"),
        ("~/.netrc", "files with credentials"),
        ("/etc/shadow", "accounts of this machine"),
        ("/etc/../etc/passwd", "accounts of this machine"),
        ("/etc/hosts", "files of the system"),
        ("/usr/bin/ls", "files of the system"),
        ("link/authorized_keys", "SSH keys and settings"),
        ("to-env", "the agent's own state and settings"),
    ],
)
async def test_a_protected_file_is_refused_and_the_way_through_a_person_is_named(
    world: World, path: Path, written: str, owner: str
) -> None:
    (world.home / ".ssh").mkdir()
    link(path.parent / "link", world.home / ".ssh")
    link(path.parent / "to-env", world.home / ".hermes" / ".env")
    result = await _invoke(world, written, "x")
    assert result.is_error
    assert f"belongs to {owner}; if it must be changed, use the terminal" in result.content
    assert names_in(world.home / ".ssh") == []
    assert not (world.home / ".hermes").exists()


@pytest.mark.parametrize("written", ["~/.hermes/SOUL.md", "~/.hermes/skills/x/SKILL.md"])
async def test_what_the_agent_may_know_of_itself_can_be_written(world: World, written: str) -> None:
    assert not (await _invoke(world, written, "x")).is_error


async def test_the_home_of_the_agent_is_protected_wherever_it_is(world: World, path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    context = world.context()
    object.__setattr__(context, "hermes_home", elsewhere)
    registry = Registry(["file"])
    outcome = await registry.invoke("write_file", json.dumps({"path": f"{elsewhere}/.env", "content": "x"}), context)
    assert isinstance(outcome, ToolResult)
    assert "the agent's own state" in outcome.content


async def test_text_with_a_redaction_mark_does_not_overwrite_the_secret(world: World, path: Path) -> None:
    put(path, "KEY=the-secret\nother=1\n")
    result = await _invoke(world, "file.txt", f"KEY={PLACEHOLDER}\nother=2\n")
    assert result.is_error
    assert "it would be lost" in result.content
    assert text_of(path) == "KEY=the-secret\nother=1\n"


async def test_a_mark_that_the_file_itself_holds_may_be_written_back(world: World, path: Path) -> None:
    put(path, f"we print {PLACEHOLDER}\n")
    assert not (await _invoke(world, "file.txt", f"we always print {PLACEHOLDER}\n")).is_error
    assert not (await _invoke(world, "new.txt", f"docs of {PLACEHOLDER}\n")).is_error


async def test_a_cancelled_write_is_finished_first(world: World, path: Path) -> None:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: write_file.run(world.context(), path="file.txt", content="x" * 1_000_000))
            while not exists(path) and names_in(path.parent) == []:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert text_of(path) == "x" * 1_000_000
    assert names_in(path.parent) == ["file.txt"]


async def test_a_file_that_changed_since_it_was_read_is_not_written_over(world: World, path: Path) -> None:
    put(path, "old\n")
    await world.result(read_file, path="file.txt")
    put(path, "somebody else's\n")
    refused = await _invoke(world, "file.txt", "mine\n")
    said = f"write_file failed: {path} was changed by somebody else since it was read: read it again, then decide"
    assert refused == ToolResult(said, is_error=True)
    assert text_of(path) == "somebody else's\n"
    await world.result(read_file, path="file.txt")
    assert not (await _invoke(world, "file.txt", "mine\n")).is_error
    assert text_of(path) == "mine\n"


async def test_a_change_is_seen_through_a_link_and_after_a_write_of_our_own(world: World, path: Path) -> None:
    link(path.parent / "link", path)
    await world.result(write_file, path="link", content="first\n")
    assert not (await _invoke(world, "file.txt", "second\n")).is_error
    put(path, "somebody else's\n")
    assert "was changed by somebody else" in (await _invoke(world, "link", "third\n")).content


async def test_another_session_that_has_not_read_the_file_may_replace_it(world: World, path: Path) -> None:
    put(path, "old\n")
    await world.result(read_file, path="file.txt")
    put(path, "newer and longer\n")
    world.state = MemoryState()
    assert not (await _invoke(world, "file.txt", "mine\n")).is_error


async def test_a_file_that_was_removed_since_it_was_read_is_made_anew(world: World, path: Path) -> None:
    put(path, "old\n")
    await world.result(read_file, path="file.txt")
    path.unlink()
    assert (await _invoke(world, "file.txt", "new\n")).content.startswith("Created")


async def test_a_write_that_is_repeated_is_no_conflict_with_itself(world: World, path: Path) -> None:
    put(path, "old\n")
    await world.result(read_file, path="file.txt")
    # As after a crash between the write and what the session keeps of it.
    put(path, "new\n")
    assert await _invoke(world, "file.txt", "new\n") == ToolResult(f"Unchanged {path}: 1 lines, 4 bytes.")


async def test_a_change_in_the_last_moment_is_not_lost(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, "old\n")
    synced = os.fsync

    def meddle(descriptor: int) -> None:
        synced(descriptor)
        put(path, "somebody else's\n")

    monkeypatch.setattr(replace.os, "fsync", meddle)
    result = await _invoke(world, "file.txt", "mine\n")
    monkeypatch.undo()
    assert "was changed by somebody else" in result.content
    assert text_of(path) == "somebody else's\n"
    assert names_in(path.parent) == ["file.txt"]


async def test_a_wide_text_that_becomes_utf_8_is_told(world: World, path: Path) -> None:
    put(path, "old".encode("utf-16"))
    assert (await _invoke(world, "file.txt", "new")).content.endswith("It was UTF-16 before, and is UTF-8 now.")


async def test_a_loop_of_links_is_told(world: World, path: Path) -> None:
    link(path, "file.txt")
    assert (await _invoke(world, "file.txt", "new")).is_error
    assert is_link(path)


_KILLED = """
import os, sys
from pathlib import Path
from hermes.tools.files import replace
point, path = sys.argv[1:]
def end(*_, **__): os.kill(os.getpid(), 9)
if point == "fsync": replace.os.fsync = end
else: Path.replace = end
replace.replace_file(Path(path), b"new" * 100_000)
"""


@pytest.mark.parametrize("point", ["fsync", "replace"])
def test_a_kill_in_the_middle_leaves_the_old_file_whole(tmp_path: Path, point: str) -> None:
    path = tmp_path / "file.txt"
    put(path, "old")
    done = subprocess.run([sys.executable, "-c", _KILLED, point, str(path)], timeout=60, check=False)
    assert done.returncode == -9
    assert text_of(path) == "old"
