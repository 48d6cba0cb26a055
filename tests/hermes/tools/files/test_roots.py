"""The folders that the file tools keep to, and the credentials in them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from hermes.errors import Refused
from hermes.tools.contract import Roots, Sandbox, ToolResult
from hermes.tools.files import replace, roots, window
from hermes.tools.registry import Registry
from tests.hermes.tools.files.disk import exists, link, names_in, put, text_of
from tests.hermes.tools.ports import World


@pytest.fixture
def outside(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside the home; that it lies in the /tmp of this machine means nothing."""
    monkeypatch.setattr(roots, "TEMPORARY", ())
    world.cwd.mkdir(parents=True)
    folder = world.root / "outside"
    folder.mkdir()
    put(folder / "a.txt", "before\n")
    return folder


async def _invoke(world: World, tool: str, **arguments: object) -> ToolResult:
    with trio.fail_after(60):
        outcome = await Registry(["file"]).invoke(tool, json.dumps(arguments), world.context())
    assert isinstance(outcome, ToolResult)
    return outcome


def _patch(path: object) -> dict[str, object]:
    return {"path": str(path), "old_string": "before", "new_string": "after"}


async def test_by_itself_what_a_days_work_needs_is_written(
    world: World, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = world.root / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(roots, "TEMPORARY", (str(temporary),))
    for place in (world.cwd, world.home, world.home / "new" / "folder", temporary, world.home / ".hermes" / "skills"):
        assert not (await _invoke(world, "write_file", path=str(place / "x.txt"), content="x")).is_error


async def test_by_itself_nothing_is_written_elsewhere_and_the_line_names_path_and_setting(
    world: World, outside: Path
) -> None:
    result = await _invoke(world, "write_file", path=f"{outside}/b.txt", content="x")
    assert result.is_error
    assert f"{outside}/b.txt lies outside the folders in which files are changed (file.write_roots: " in result.content
    assert str(world.cwd) in result.content
    assert "\n" not in result.content
    assert (await _invoke(world, "patch", **_patch(outside / "a.txt"))).is_error
    moved = f"*** Begin Patch\n*** Update File: x\n*** Move to: {outside}/x\n@@\n-a\n+b\n*** End Patch"
    put(world.cwd / "x", "a\n")
    assert (await _invoke(world, "patch", mode="patch", patch=moved)).is_error
    assert names_in(outside) == ["a.txt"]
    assert text_of(outside / "a.txt") == "before\n"


async def test_by_itself_everything_is_read(world: World, outside: Path) -> None:
    assert (await _invoke(world, "read_file", path=f"{outside}/a.txt")).content == "1\tbefore"
    assert "a.txt" in (await _invoke(world, "search_files", pattern="before", path=str(outside))).content


@pytest.mark.parametrize("root", ["~/kept", "kept/../../kept/", "{home}/kept", "{home}/to-kept"])
async def test_what_is_set_is_all_there_is(world: World, outside: Path, root: str) -> None:
    kept = world.home / "kept"
    kept.mkdir()
    link(world.home / "to-kept", kept)
    world.roots = Roots(write=(root.format(home=world.home),))
    assert not (await _invoke(world, "write_file", path="~/kept/new/x", content="x")).is_error
    for path in ("x", "~/x", f"{outside}/x", "~/kept/../x", "~/kept-not/x"):
        assert (await _invoke(world, "write_file", path=path, content="x")).is_error
    assert (await _invoke(world, "read_file", path=f"{outside}/a.txt")).content == "1\tbefore"


async def test_everywhere_can_be_said(world: World, outside: Path) -> None:
    world.roots = Roots(write=("/",))
    assert not (await _invoke(world, "patch", **_patch(outside / "a.txt"))).is_error
    assert "belongs to files of the system" in (await _invoke(world, "write_file", path="/etc/x", content="")).content


async def test_reading_keeps_to_its_folders_too(world: World, outside: Path) -> None:
    put(world.cwd / "b.txt", "before\n")
    world.roots = Roots(read=(str(world.cwd),))
    assert (await _invoke(world, "read_file", path="b.txt")).content == "1\tbefore"
    assert "b.txt" in (await _invoke(world, "search_files", pattern="before")).content
    read = await _invoke(world, "read_file", path=f"{outside}/a.txt")
    assert f"{outside}/a.txt lies outside the folders in which files are read (file.read_roots: " in read.content
    for path in (str(outside), f"{outside}/a.txt", "~", "/"):
        found = await _invoke(world, "search_files", pattern="before", path=path)
        assert found.is_error
        assert "file.read_roots" in found.content


async def test_a_link_leads_out_of_no_folder(world: World, outside: Path) -> None:
    world.roots = Roots(read=(str(world.cwd),))
    link(world.cwd / "file", outside / "a.txt")
    link(world.cwd / "folder", outside)
    link(world.cwd / "new", outside / "new")
    for path in ("file", "folder/a.txt", "folder/../outside/a.txt"):
        assert (await _invoke(world, "read_file", path=path)).is_error
        assert (await _invoke(world, "patch", **_patch(path))).is_error
        assert (await _invoke(world, "write_file", path=path, content="x")).is_error
    for path in ("new", "folder/new", "folder/deep/new"):
        assert (await _invoke(world, "write_file", path=path, content="x")).is_error
    assert "before" not in (await _invoke(world, "search_files", pattern="bef.re", path="folder")).content
    assert "before" not in (await _invoke(world, "search_files", pattern="bef.re")).content
    assert names_in(outside) == ["a.txt"]
    assert text_of(outside / "a.txt") == "before\n"


async def test_a_second_name_of_a_file_outside_is_not_what_is_changed(world: World, outside: Path) -> None:
    os.link(outside / "a.txt", world.cwd / "same.txt")
    assert not (await _invoke(world, "patch", **_patch("same.txt"))).is_error
    assert text_of(world.cwd / "same.txt") == "after\n"
    assert text_of(outside / "a.txt") == "before\n"


async def test_in_a_sandbox_both_hold(world: World, outside: Path) -> None:
    world.sandbox = Sandbox()
    world.roots = Roots(write=(str(world.root),))
    for path in (f"{outside}/x", "~/x"):
        assert "terminal.backend: sandbox" in (await _invoke(world, "write_file", path=path, content="x")).content
    assert not (await _invoke(world, "write_file", path="x", content="x")).is_error
    world.roots = Roots(write=(str(outside),))
    assert "file.write_roots" in (await _invoke(world, "write_file", path="x", content="y")).content


def _once(monkeypatch: pytest.MonkeyPatch, where: object, name: str, act: Callable[[], None]) -> None:
    """``act`` happens in the moment in which ``name`` is first called."""
    original = getattr(where, name)
    left = [act]

    def swapped(*arguments: object) -> object:
        found = original(*arguments)
        if left:
            left.pop()()
        return found

    monkeypatch.setattr(where, name, swapped)


async def test_a_file_that_becomes_a_link_before_it_is_opened_is_not_read(
    world: World, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.roots = Roots(read=(str(world.cwd),))
    path = world.cwd / "b.txt"
    put(path, "mine\n")

    def swap() -> None:
        path.unlink()
        link(path, outside / "a.txt")

    _once(monkeypatch, window, "refuse_special", swap)
    result = await _invoke(world, "read_file", path="b.txt")
    assert f"{outside}/a.txt lies outside" in result.content


async def test_a_file_that_becomes_a_link_to_the_kernels_before_it_is_opened_is_not_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cwd.mkdir(parents=True)
    path = world.cwd / "b.txt"
    put(path, "mine\n")

    def swap() -> None:
        path.unlink()
        link(path, "/proc/self/environ")

    _once(monkeypatch, window, "refuse_special", swap)
    result = await _invoke(world, "read_file", path="b.txt")
    assert "is made up by the kernel" in result.content


@pytest.mark.parametrize("tool", ["write_file", "patch"])
async def test_a_folder_that_becomes_a_link_before_the_write_is_not_written_through(
    world: World, outside: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.cwd / "folder"
    folder.mkdir()
    put(folder / "a.txt", "before\n")

    def swap() -> None:
        folder.rename(world.cwd / "elsewhere")
        link(folder, outside)

    # Before the new content is staged: of a patch, also the file has been looked at by then.
    _once(monkeypatch, replace, "status_of", swap)
    arguments = _patch("folder/a.txt") if tool == "patch" else {"path": "folder/a.txt", "content": "after"}
    assert (await _invoke(world, tool, **arguments)).is_error
    assert names_in(outside) == ["a.txt"]
    assert text_of(outside / "a.txt") == "before\n"
    assert text_of(world.cwd / "elsewhere" / "a.txt") == "before\n"


def test_what_was_staged_in_another_folder_is_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()

    def swap() -> None:
        folder.rmdir()
        link(folder, outside)

    _once(monkeypatch, replace, "status_of", swap)
    with pytest.raises(Refused, match="was made another folder by somebody else just now"):
        replace.replace_file(folder / "a.txt", b"x")
    assert names_in(outside) == []


@pytest.mark.parametrize("sandbox", [None, Sandbox()])
@pytest.mark.parametrize("name", [".env", ".env.local", ".env.production", ".envrc", "deep/.env", "link"])
async def test_the_keys_of_a_folder_of_code_are_neither_read_nor_found(
    world: World, name: str, sandbox: Sandbox | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.cwd / "deep").mkdir(parents=True)
    put(world.cwd / ".env", "MINE=find-me\n")
    link(world.cwd / "link", ".env")
    if name != "link":
        put(world.cwd / name, "MINE=find-me\n")
    read = await _invoke(world, "read_file", path=name)
    assert "holds credentials and is not read" in read.content
    assert "find-me" not in (await _invoke(world, "patch", path=name, old_string="MINE", new_string="X")).content
    assert (await _invoke(world, "write_file", path=name, content="MINE=")).is_error
    assert text_of(world.cwd / name) == "MINE=find-me\n"
    # The programs that search are started as they are: no name spaces are needed for what they print.
    monkeypatch.setattr("hermes.tools.search.tool.confine", _as_it_is)
    world.sandbox = sandbox
    for arguments in ({"path": name}, {"file_glob": Path(name).name}, {"path": ".", "file_glob": "*"}):
        found = await _invoke(world, "search_files", pattern="MINE", **arguments)
        assert "find-me" not in found.content


async def _as_it_is(_context: object, argv: tuple[str, ...], *_: object) -> tuple[str, ...]:
    return argv


async def test_an_example_of_such_a_file_is_read_and_a_new_one_can_be_written(world: World) -> None:
    world.cwd.mkdir(parents=True)
    put(world.cwd / ".env.example", "MINE=\n")
    assert (await _invoke(world, "read_file", path=".env.example")).content == "1\tMINE="
    assert not (await _invoke(world, "write_file", path=".env", content="MINE=\n")).is_error
    assert exists(world.cwd / ".env")
