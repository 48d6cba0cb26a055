"""The files behind the notes: whose they are, and what several programs and crashes leave of them."""

import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from attrs import evolve

from hermes.audience import Audience, audience
from hermes.errors import Refused
from hermes.events import ChatType, Source
from hermes.home import Home
from hermes.memory import entries
from hermes.memory.entries import NotKept
from hermes.memory.shelf import MOST_BYTES, Shelf, Target, shelf

LIMITS = {Target.MEMORY: 2200, Target.USER: 1375}
OWNER = Audience("terminal", "owner", owner=True, proven=True)


@pytest.fixture
def home(hermes_home: Path) -> Home:
    return Home(hermes_home)


@pytest.fixture
def own(home: Home) -> Shelf:
    return shelf(home, OWNER, LIMITS)


async def add(place: Shelf, text: str, target: Target = Target.MEMORY) -> tuple[str, ...]:
    with trio.fail_after(60):
        return await place.change(target, partial(entries.add, content=text, limit=place.limits[target]))


def noted(place: Shelf, target: Target = Target.MEMORY) -> str:
    found = place.notes(target)
    return found.shown() if found else ""


async def test_the_owners_notes_lie_in_memories_for_the_owners_eyes_alone(home: Home, own: Shelf) -> None:
    assert await add(own, "Likes tea.", Target.USER) == ("Likes tea.",)
    await add(own, "Tea at five.")
    await add(own, "No sugar.")
    assert (home.memories_dir / "USER.md").read_text() == "Likes tea.\n"
    assert (home.memories_dir / "MEMORY.md").read_text() == "Tea at five.\n§\nNo sugar.\n"
    for name, mode in (("MEMORY.md", 0o600), ("USER.md", 0o600), (".lock", 0o600), (".", 0o700)):
        assert stat.S_IMODE((home.memories_dir / name).stat().st_mode) == mode
    assert noted(own) == "Tea at five.\n§\nNo sugar."
    assert noted(own, Target.USER) == "Likes tea."


async def test_a_managed_homes_modes_are_kept(home: Home) -> None:
    await add(shelf(evolve(home, folder_mode=0o750), OWNER, LIMITS), "Likes tea.")
    assert stat.S_IMODE((home.memories_dir / "MEMORY.md").stat().st_mode) == 0o640
    assert stat.S_IMODE(home.memories_dir.stat().st_mode) == 0o750


_CIRCLES = (
    OWNER,
    Audience("telegram", "1"),
    Audience("telegram", "2"),
    Audience("matrix", "1"),
    Audience("telegram", "1", shared="agent:main:telegram:group:1"),
    Audience("telegram", "1", shared="agent:main:telegram:group:2"),
    Audience("telegram", ""),
    Audience("telegram", "."),
    Audience("telegram", ".."),
    Audience("telegram", "../../MEMORY.md"),
    Audience("..", "../.."),
    Audience("telegram", "x" * 5000),
    Audience("telegram", "x" * 5001),
    Audience("telegram", "a\0b\ud800"),
)


async def test_no_circle_of_readers_sees_anothers_notes_whatever_its_name(home: Home) -> None:
    for number, circle in enumerate(_CIRCLES):
        await add(shelf(home, circle, LIMITS), f"Secret {number}.")
    for number, circle in enumerate(_CIRCLES):
        assert noted(shelf(home, circle, LIMITS)) == f"Secret {number}."
    kept = [path.relative_to(home.memories_dir).parts for path in home.root.rglob("MEMORY.md")]
    assert len(kept) == len(_CIRCLES)
    assert not list(home.root.parent.glob("*.md"))


def test_the_owner_in_a_chat_of_several_people_is_one_of_several() -> None:
    source = Source("web", "local", "c", user_id="owner")
    assert audience(source, "k", owner=True, proven=True) == Audience("web", "owner", owner=True, proven=True)
    assert audience(source, "k", owner=False, proven=True) == Audience("web", "owner")
    for kind in (ChatType.GROUP, ChatType.CHANNEL):
        shared = audience(evolve(source, chat_type=kind), "k", owner=True, proven=True)
        assert shared == Audience("web", "owner", shared="k")


async def test_a_file_that_is_switched_off_is_not_shown(home: Home, own: Shelf) -> None:
    await add(own, "Likes tea.", Target.USER)
    assert shelf(home, OWNER, {Target.MEMORY: 2200}).notes(Target.USER) is None


async def test_a_refused_change_leaves_the_file_as_it_was(home: Home, own: Shelf) -> None:
    await add(own, "Likes tea.")
    before = (home.memories_dir / "MEMORY.md").stat()
    with pytest.raises(NotKept):
        await add(own, "x" * 3000)
    await add(own, "Likes tea.")
    assert (home.memories_dir / "MEMORY.md").stat() == before


async def test_a_link_stays_and_its_target_is_written(home: Home, own: Shelf, tmp_path: Path) -> None:
    home.memories_dir.mkdir()
    (tmp_path / "notes.md").write_text("Likes tea.\n")
    (home.memories_dir / "MEMORY.md").symlink_to(tmp_path / "notes.md")
    await add(own, "No sugar.")
    assert (tmp_path / "notes.md").read_text() == "Likes tea.\n§\nNo sugar.\n"


@pytest.mark.parametrize(
    ("content", "reason"), [(b"caf\xe9", "is not UTF-8"), (b"x" * (MOST_BYTES + 1), "has more than"), (None, "a pipe")]
)
async def test_a_file_that_cannot_be_understood_is_left_as_it_is(
    home: Home, own: Shelf, content: bytes | None, reason: str
) -> None:
    home.memories_dir.mkdir()
    path = home.memories_dir / "MEMORY.md"
    os.mkfifo(path) if content is None else path.write_bytes(content)
    with pytest.raises(Refused, match=reason):
        await add(own, "Likes tea.")
    assert stat.S_ISFIFO(path.stat().st_mode) if content is None else path.read_bytes() == content


async def test_a_prompt_is_made_whatever_lies_there(home: Home, own: Shelf) -> None:
    home.memories_dir.mkdir()
    os.mkfifo(home.memories_dir / "MEMORY.md")
    assert noted(own) == "[MEMORY.md was left out: it is no ordinary file]"
    (home.memories_dir / "USER.md").write_text("x" * 50_000)
    assert len(noted(own, Target.USER)) < 21_000


async def test_many_tasks_at_once_lose_nothing(own: Shelf) -> None:
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(add, own, f"Note {number}.")
    assert len(entries.parse(noted(own))) == 20


_WRITER = """
import sys, trio
from functools import partial
from pathlib import Path
from hermes.audience import Audience
from hermes.home import Home
from hermes.memory import entries
from hermes.memory.shelf import Target, shelf

async def main():
    place = shelf(Home(Path(sys.argv[1])), Audience("terminal", "owner", owner=True), {Target.MEMORY: 2200})
    for number in range(15):
        await place.change(Target.MEMORY, partial(entries.add, content=f"{sys.argv[2]} {number}", limit=2200))

trio.run(main)
"""


async def test_two_programs_on_one_home_undo_nothing_of_each_other(home: Home, own: Shelf) -> None:
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            for name in ("left", "right"):
                command = [sys.executable, "-c", _WRITER, str(home.root), name]
                nursery.start_soon(partial(trio.run_process, command, capture_stderr=True))
    assert sorted(entries.parse(noted(own))) == sorted(f"{name} {n}" for name in ("left", "right") for n in range(15))


@pytest.fixture
def held(home: Home) -> Iterator[None]:
    """Another program holds the lock."""
    home.memories_dir.mkdir()
    descriptor = os.open(home.memories_dir / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


@pytest.mark.usefixtures("held", "autojump_clock")
async def test_the_wait_for_another_program_has_an_end(home: Home, own: Shelf) -> None:
    with pytest.raises(Refused, match=r"another program has held .*memories/.lock for 10 seconds"):
        await add(own, "Likes tea.")
    assert not (home.memories_dir / "MEMORY.md").exists()


async def test_a_change_that_was_cancelled_lets_the_lock_go(home: Home, own: Shelf, held: None) -> None:
    with trio.move_on_after(0):
        await add(own, "Likes tea.")
    open_files = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert open_files.count(str(home.memories_dir / ".lock")) == 1, "the one that the other program holds"
