"""The patch tool: pieces of files, all of what was asked for or none of it."""

import json
import os
from pathlib import Path

import pytest
import trio

from hermes.redact import PLACEHOLDER, Redactor
from hermes.tools.contract import ToolResult
from hermes.tools.files import changes as file_changes
from hermes.tools.files.read_write import read_file, write_file
from hermes.tools.registry import Registry
from tests.hermes.tools.files.disk import exists, is_link, link, mode_of, names_in, put, text_of
from tests.hermes.tools.ports import World


@pytest.fixture
def folder(world: World) -> Path:
    world.cwd.mkdir(parents=True)
    return world.cwd


async def _invoke(world: World, **arguments: object) -> ToolResult:
    """As a model calls it: what the world does to it is told and not raised."""
    with trio.fail_after(60):
        outcome = await Registry(["file"]).invoke("patch", json.dumps(arguments), world.context())
    assert isinstance(outcome, ToolResult)
    return outcome


async def _patch(world: World, *lines: str) -> ToolResult:
    return await _invoke(world, mode="patch", patch="\n".join(("*** Begin Patch", *lines, "*** End Patch")))


async def test_a_piece_is_replaced_and_the_change_is_shown(world: World, folder: Path) -> None:
    put(folder / "a.txt", "".join(f"line {number}\n" for number in range(1, 21)), 0o755)
    result = await _invoke(world, path="a.txt", old_string="line 10\n", new_string="ten\nand more\n")
    assert result == ToolResult(
        f"Updated {folder}/a.txt: +2 -1 lines\n@@ -7,7 +7,8 @@\n line 7\n line 8\n line 9\n-line 10\n+ten\n+and more\n"
        " line 11\n line 12\n line 13"
    )
    assert "line 9\nten\nand more\nline 11\n" in text_of(folder / "a.txt")
    assert mode_of(folder / "a.txt") == 0o755
    assert names_in(folder) == ["a.txt"]


async def test_a_loose_match_and_several_places_are_told(world: World, folder: Path) -> None:
    put(folder / "a.txt", "\tx = 1\n\tx = 1\n")
    result = await _invoke(world, path="a.txt", old_string="  x = 1", new_string="  y", replace_all=True)
    assert text_of(folder / "a.txt") == "\ty\n\ty\n"
    assert result.content.endswith("[a.txt: matched with another indentation]\n[a.txt: 2 places]")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "a.txt"}, "mode replace needs path, old_string and new_string"),
        ({"old_string": "a", "new_string": "b"}, "mode replace needs path, old_string and new_string"),
        ({"mode": "patch"}, "mode patch needs patch"),
        ({"mode": "other"}, "must be one of replace, patch"),
        ({"path": "a.txt", "old_string": "x", "new_string": "y"}, "stands at 2 places"),
        ({"path": "a.txt", "old_string": "z", "new_string": "y"}, "was not found"),
        ({"path": "none", "old_string": "z", "new_string": "y"}, "none does not exist"),
        ({"path": "", "old_string": "z", "new_string": "y"}, "a path has no NUL characters"),
        ({"path": "a\0b", "old_string": "z", "new_string": "y"}, "a path has no NUL characters"),
        ({"path": "a.txt", "old_string": "x\nx", "new_string": "\ud800"}, "surrogates not allowed"),
        ({"path": ".", "old_string": "z", "new_string": "y"}, "is a folder"),
        ({"path": "pipe", "old_string": "z", "new_string": "y"}, "is no regular file"),
        ({"path": "binary", "old_string": "z", "new_string": "y"}, "is a binary file"),
        ({"path": "loop", "old_string": "z", "new_string": "y"}, "symbolic links"),
        ({"path": "/proc/self/status", "old_string": "z", "new_string": "y"}, "belongs to files of the system"),
        ({"path": "/etc/hosts", "old_string": "z", "new_string": "y"}, "belongs to files of the system"),
        ({"path": "huge", "old_string": "z", "new_string": "y"}, "5,000,000 is the most"),
        ({"path": "a.txt", "old_string": "z" * 5_000_001, "new_string": "y"}, "longer than"),
    ],
)
async def test_what_does_not_fit_is_refused_and_changes_nothing(
    world: World, folder: Path, arguments: dict[str, object], said: str
) -> None:
    put(folder / "a.txt", "x\nx\n")
    put(folder / "binary", b"\0")
    os.mkfifo(folder / "pipe")
    link(folder / "loop", "loop")
    with (folder / "huge").open("wb") as file:
        file.write(b"text\n" * 2_000)
        file.truncate(5 * 1024**3)
    result = await _invoke(world, **arguments)
    assert result.is_error
    assert said in result.content
    assert "\n" not in result.content
    assert text_of(folder / "a.txt") == "x\nx\n"


async def test_a_patch_changes_several_files_as_one(world: World, folder: Path) -> None:
    put(folder / "a.txt", "one\ntwo\n")
    put(folder / "b.txt", "old\n", 0o640)
    put(folder / "c.txt", "gone\n")
    put(folder / "d.txt", "first\n")
    result = await _patch(
        world,
        "*** Update File: a.txt",
        "-two",
        "+2",
        "*** Add File: new/e.txt",
        "+made",
        "*** Delete File: c.txt",
        "*** Move File: b.txt -> sub/b.txt",
        "*** Update File: d.txt",
        "*** Move to: moved.txt",
        "-first",
        "+second",
    )
    assert not result.is_error, result.content
    for line in ("Updated", "+1 -1 lines", "-two", "+2", "Added", f"Deleted {folder}/c.txt"):
        assert line in result.content
    assert names_in(folder) == ["a.txt", "moved.txt", "new", "sub"]
    assert text_of(folder / "a.txt") == "one\n2\n"
    assert text_of(folder / "new/e.txt") == "made\n"
    assert (text_of(folder / "sub/b.txt"), mode_of(folder / "sub/b.txt")) == ("old\n", 0o640)
    assert text_of(folder / "moved.txt") == "second\n"


async def test_operations_see_what_those_before_them_leave(world: World, folder: Path) -> None:
    put(folder / "a", "1\n")
    result = await _patch(
        world,
        "*** Move File: a -> b",
        "*** Add File: a",
        "+new",
        "*** Update File: b",
        "-1",
        "+2",
        "*** Update File: a",
        "-new",
        "+newer",
        "*** Add File: c",
        "+x",
        "*** Delete File: c",
    )
    assert not result.is_error, result.content
    assert (text_of(folder / "a"), text_of(folder / "b")) == ("newer\n", "2\n")
    assert names_in(folder) == ["a", "b"]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (["*** Update File: b", "-nothing like it", "+x"], "b: hunk 1: its lines"),
        (["*** Update File: none", "-x"], "none does not exist"),
        (["*** Add File: b", "+x"], "b exists already"),
        (["*** Move File: a -> b"], "b exists already"),
        (["*** Move File: b -> b"], "exists already"),
        (["*** Delete File: none"], "none does not exist"),
        (["*** Delete File: link"], "is a symbolic link"),
        (["*** Add File: ~/.bashrc", "+x"], "belongs to what runs at log-in"),
        (["*** Move File: b -> ~/.ssh/config"], "belongs to SSH keys"),
        (["*** Delete File: ~/.hermes/config.yaml"], "belongs to the agent's own state"),
        (["*** Add File: b/c", "+x"], "Not a directory"),
        (["*** Update File: b", "-x"], "b: hunk 1"),
        (["nonsense"], "line 8 of the patch"),
    ],
)
async def test_one_part_that_does_not_fit_leaves_every_file_alone(
    world: World, folder: Path, last: list[str], said: str
) -> None:
    put(folder / "a", "a\n")
    put(folder / "b", "b\n")
    link(folder / "link", "b")
    begin = ["*** Update File: a", "-a", "+A", "*** Add File: c", "+c", ""]
    result = await _patch(world, *begin, *last)
    assert result.is_error
    assert said in result.content
    assert names_in(folder) == ["a", "b", "link"]
    assert (text_of(folder / "a"), text_of(folder / "b")) == ("a\n", "b\n")


@pytest.mark.parametrize("failing", range(4))
async def test_a_failure_in_the_middle_takes_back_what_was_done(
    world: World, folder: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abd":
        put(folder / name, f"{name}\n")
    calls: list[object] = []

    def fail(original: object) -> object:
        def sometimes(self: Path, *rest: object) -> object:
            # Those are the renames and removals of the files themselves, in their order.
            if not rest or rest[0] in (folder / "a", folder / "b", folder / "c"):
                calls.append(self)
                if len(calls) == failing + 1:
                    raise OSError(5, "Input/output error")
            return original(self, *rest)  # type: ignore[operator]

        return sometimes

    monkeypatch.setattr(Path, "replace", fail(Path.replace))
    unlink, apply = Path.unlink, file_changes._Prepared.apply

    def remove_only_here(prepared: file_changes._Prepared) -> None:
        monkeypatch.setattr(Path, "unlink", fail(unlink))
        try:
            apply(prepared)
        finally:
            monkeypatch.setattr(Path, "unlink", unlink)

    monkeypatch.setattr(file_changes._Prepared, "apply", remove_only_here)
    lines = ["*** Update File: a", "-a", "+A", "*** Update File: b", "-b", "+B", "*** Add File: c", "+c"]
    result = await _patch(world, *lines, "*** Delete File: d")
    assert result == ToolResult("patch failed: [Errno 5] Input/output error", is_error=True)
    monkeypatch.undo()
    assert len(calls) > failing
    assert names_in(folder) == ["a", "b", "d"]
    assert [text_of(folder / name) for name in "abd"] == ["a\n", "b\n", "d\n"]


async def test_somebody_who_changes_a_file_meanwhile_is_not_written_over(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder / "a", "a\n")
    put(folder / "b", "b\n")
    prepare = file_changes._prepare
    prepared: list[Path] = []

    def meddle(*arguments: object) -> object:
        made = prepare(*arguments)  # type: ignore[arg-type]
        prepared.append(made.change.path)
        if len(prepared) == 2:
            put(folder / "b", "somebody else's\n")
        return made

    monkeypatch.setattr(file_changes, "_prepare", meddle)
    result = await _patch(world, "*** Update File: a", "-a", "+A", "*** Update File: b", "-b", "+B")
    assert "was changed by somebody else" in result.content
    assert (text_of(folder / "a"), text_of(folder / "b")) == ("a\n", "somebody else's\n")
    assert names_in(folder) == ["a", "b"]


async def test_a_file_that_changed_since_it_was_read_keeps_what_is_new_in_it(world: World, folder: Path) -> None:
    put(folder / "a", "one\ntwo\n")
    await world.result(read_file, path="a")
    put(folder / "a", "one\ntwo\nnew of somebody else\n")
    result = await _invoke(world, path="a", old_string="one", new_string="1")
    assert text_of(folder / "a") == "1\ntwo\nnew of somebody else\n"
    assert result.content.endswith(f"[{folder}/a had changed since it was read; what else is new in it was kept]")
    # The patch has seen it as it is now.
    assert "had changed" not in (await _invoke(world, path="a", old_string="two", new_string="2")).content
    assert not (await world.result(write_file, path="a", content="whole")).is_error


async def test_a_file_that_changed_since_it_was_read_is_not_deleted(world: World, folder: Path) -> None:
    put(folder / "a", "one\n")
    await world.result(read_file, path="a")
    put(folder / "a", "other\n")
    assert "was changed by somebody else" in (await _patch(world, "*** Delete File: a")).content
    assert text_of(folder / "a") == "other\n"
    await world.result(read_file, path="a")
    assert not (await _patch(world, "*** Delete File: a")).is_error
    assert not exists(folder / "a")


@pytest.mark.parametrize(
    ("stored", "result"),
    [
        (b"a\r\nb\r\n", b"a\r\nX\r\nY\r\n"),
        (b"a\r\nb\n", b"a\r\nX\nY\n"),
        (b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfa\nX\nY\n"),
        (b"\xe9\xff\nb\n", b"\xe9\xff\nX\nY\n"),
        ("\ufeffa\r\nb\r\n".encode("utf-16-be"), "\ufeffa\r\nX\r\nY\r\n".encode("utf-16-be")),
    ],
)
async def test_how_a_file_is_stored_stays(world: World, folder: Path, stored: bytes, result: bytes) -> None:
    put(folder / "a", stored)
    assert not (await _invoke(world, path="a", old_string="b\n", new_string="X\nY\n")).is_error
    assert (folder / "a").read_bytes() == result


async def test_a_link_stays_and_its_target_is_changed(world: World, folder: Path) -> None:
    put(folder / "a", "a\n")
    link(folder / "link", "a")
    assert not (await _invoke(world, path="link", old_string="a", new_string="b")).is_error
    assert is_link(folder / "link")
    assert text_of(folder / "a") == "b\n"


async def test_secrets_are_neither_shown_nor_lost(world: World, folder: Path) -> None:
    world.redactor = Redactor(["correct-horse"])
    put(folder / "a", "key = correct-horse\nport = 1\n")
    result = await _invoke(world, path="a", old_string="port = 1", new_string="port = 2")
    assert "correct-horse" not in result.content
    assert f" key = {PLACEHOLDER}\n-port = 1\n+port = 2" in result.content
    lost = await _invoke(world, path="a", old_string="key = correct-horse", new_string=f"key = {PLACEHOLDER}")
    assert "it would be lost" in lost.content
    moved = await _patch(world, "*** Update File: a", "*** Move to: b", "-key = correct-horse", f"+key = {PLACEHOLDER}")
    assert "it would be lost" in moved.content
    assert text_of(folder / "a") == "key = correct-horse\nport = 2\n"


async def test_what_is_shown_is_bounded(world: World, folder: Path) -> None:
    put(folder / "a", "x\n" * 100_000)
    result = await _invoke(world, path="a", old_string="x\n", new_string="y\n", replace_all=True)
    assert result.content == f"Updated {folder}/a: +100000 -100000 lines\n[a: 100000 places]"
    put(folder / "b", "x" * 100_000 + "\n")
    assert len((await _invoke(world, path="b", old_string="x" * 100_000, new_string="y")).content) < 13_000


async def test_a_second_name_that_cannot_be_made_is_replaced_by_a_copy(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder / "a", "a\n")
    put(folder / "b", "b\n")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(file_changes.os, "link", refuse)
    assert not (await _patch(world, "*** Update File: a", "-a", "+A", "*** Delete File: b")).is_error
    assert text_of(folder / "a") == "A\n"
    assert names_in(folder) == ["a"]
