"""Which files may be sent: hostile paths, races between the check and the opening, and secrets inside."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from hermes import sendable as module
from hermes.errors import Refused, TransientError
from hermes.redact import Redactor, Unredacted
from hermes.sendable import NOTHING, Sendable, sendable
from hermes.tools.danger.protected import Place

MOST = 1000


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    for name in ("work", "home/cache", "home/memories", "person/.ssh", "outside"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def allowed(ground: Path, redactor: Redactor | None = None) -> Sendable:
    """Below the working directory and the cache; the person's home and the agent's are beside them."""
    place = Place(hermes_home=str(ground / "home"), user_home=str(ground / "person"))
    return Sendable((ground / "work", ground / "home" / "cache"), place, redactor or Redactor())


def refused(files: Sendable, path: object) -> str:
    with pytest.raises(Refused) as caught:
        files.read(str(path), MOST)
    return str(caught.value)


def put(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["work/a.txt", "work/deep/er/a b.txt", "home/cache/images/a.jpg"])
def test_what_lies_below_a_folder_is_read_whole(ground: Path, name: str) -> None:
    assert allowed(ground).read(str(put(ground / name)), MOST) == b"content"


def test_a_link_within_is_followed(ground: Path) -> None:
    (ground / "work" / "link").symlink_to(put(ground / "work" / "a.txt"))
    assert allowed(ground).read(str(ground / "work" / "link"), MOST) == b"content"


@pytest.mark.parametrize(
    "path",
    ["outside/a", "work/../outside/a", "work/link", "work/folder/a", "work", "work/.", "outside/none", "workshop"],
)
def test_what_lies_elsewhere_is_refused_whether_it_is_there_or_not(ground: Path, path: str) -> None:
    put(ground / "outside" / "a")
    put(ground / "workshop")
    (ground / "work" / "link").symlink_to(ground / "outside" / "a")
    (ground / "work" / "folder").symlink_to(ground / "outside")
    assert refused(allowed(ground), ground / path) == "it lies outside of the folders whose files may be sent"


@pytest.mark.parametrize("path", ["a.txt", "", "./a.txt", "~other/a", "/tmp/a\0b"])
def test_a_path_has_to_be_absolute(ground: Path, path: str) -> None:
    assert refused(allowed(ground), path) == "its path is not absolute"


@pytest.mark.parametrize("name", [".env", "config.yaml", "state.db", "memories/MEMORY.md", "cache/../.env", "skills/x"])
def test_of_the_agents_own_home_only_the_cache_is_sent(ground: Path, name: str) -> None:
    put(ground / "home" / name)
    place = Place(hermes_home=str(ground / "home"), user_home="/root")
    assert "outside of" in refused(Sendable((ground, ground / "home" / "cache"), place), ground / "home" / name)


@pytest.mark.parametrize("name", [".ssh/id_ed25519", ".bashrc", ".netrc", ".aws/credentials", "link"])
def test_what_is_protected_is_not_sent_though_it_lies_below_a_folder(ground: Path, name: str) -> None:
    (ground / "person" / "link").symlink_to(put(ground / "person" / ".ssh" / "id_rsa"))
    if name != "link":
        put(ground / "person" / name)
    files = Sendable((ground / "person",), Place(user_home=str(ground / "person")))
    assert refused(files, f"~/{name}") == "it is protected"
    assert refused(files, ground / "person" / name) == "it is protected"


def test_the_whole_machine_is_no_folder_that_anybody_means(ground: Path) -> None:
    assert "outside of" in refused(Sendable((Path("/"),), Place()), put(ground / "work" / "a"))
    assert "outside of" in refused(NOTHING, put(ground / "work" / "a"))


def test_only_regular_files_are_sent_and_none_is_waited_for(ground: Path) -> None:
    work = ground / "work"
    os.mkfifo(work / "pipe")
    (work / "folder").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("pipe", "folder"):
        assert refused(allowed(ground), work / name) == "it is no regular file"
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    devices = Sendable((Path("/dev"),), Place())
    assert refused(devices, "/dev/zero") == "it is no regular file"


def test_sizes_are_bounded_at_both_ends(ground: Path) -> None:
    work, files = ground / "work", allowed(ground)
    assert len(files.read(str(put(work / "most", bytes(MOST))), MOST)) == MOST
    assert refused(files, put(work / "more", bytes(MOST + 1))).startswith("it has more than")
    assert refused(files, put(work / "empty", b"")) == "it is empty"


def test_what_is_gone_or_may_not_be_read_is_said_so(ground: Path) -> None:
    work, files = ground / "work", allowed(ground)
    assert refused(files, work / "none") == "there is no such file"
    assert refused(files, put(work / "a") / "b") == "there is no such file"
    (work / "round").symlink_to(work / "round")
    assert "moved" in refused(files, work / "round") or "outside" in refused(files, work / "round")


def test_a_machine_without_descriptors_is_asked_again_later(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(24, "Too many open files")

    path = put(ground / "work" / "a")
    monkeypatch.setattr(module.os, "open", full)
    with pytest.raises(TransientError):
        allowed(ground).read(str(path), MOST)


def test_a_path_that_is_swapped_after_the_check_is_not_followed(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of it: the file at its end, and a folder on the way."""
    secret = put(ground / "outside" / "a", b"secret")
    for swapped, target in (("work/in/a", secret), ("work/in", secret.parent)):
        path = put(ground / "work" / "in" / "a")
        judged = Sendable._allowed

        def and_then_swapped(files: Sendable, written: str, swapped: Path = ground / swapped, to: Path = target) -> str:
            real = judged(files, written)  # noqa: B023  used at once
            swapped.rename(ground / f"away{swapped.name}")
            swapped.symlink_to(to)
            return real

        with monkeypatch.context() as patched:
            patched.setattr(Sendable, "_allowed", and_then_swapped)
            assert refused(allowed(ground), path) in {"it was moved while it was opened", "there is no such file"}
        (ground / swapped).unlink()
        if not (ground / "work" / "in").exists():
            (ground / "work" / "in").mkdir()


def test_a_folder_that_is_swapped_all_the_time_never_leads_out(ground: Path) -> None:
    """A thread puts a link in its place over and over."""
    put(ground / "outside" / "a", b"secret")
    inside, outside, link = ground / "work" / "in", ground / "outside", ground / "work" / "link"
    put(inside / "a")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            inside.rename(ground / "work" / "aside")
            link.symlink_to(outside)
            link.rename(inside)
            inside.unlink()
            (ground / "work" / "aside").rename(inside)

    thread = threading.Thread(target=swap)
    thread.start()
    found: list[bytes] = []
    for _ in range(2000):
        with suppress(Refused):
            found.append(allowed(ground).read(str(inside / "a"), MOST))
    stop.set()
    thread.join()
    assert set(found) <= {b"content"}


def test_a_text_with_a_secret_is_not_sent(ground: Path) -> None:
    redactor = Redactor(values=("open-sesame-1",))
    path = put(ground / "work" / "notes.txt", b"the key is open-sesame-1\n")
    assert refused(allowed(ground, redactor), path) == "it holds what looks like a password or a key"
    assert "password or a key" in refused(allowed(ground), put(path, b"export TOKEN=ghp_" + b"a1" * 18))
    assert allowed(ground, Unredacted(values=("open-sesame-1",))).read(str(path), MOST)
    assert allowed(ground, redactor).read(str(put(path, b"\0 open-sesame-1")), MOST)


@pytest.mark.parametrize("before", [0, module._PIECE - 5, module._PIECE + module._OVERLAP - 5, 2 * module._PIECE])
def test_a_secret_is_found_wherever_it_stands_in_a_long_text(ground: Path, before: int) -> None:
    files = allowed(ground, Redactor(values=("open-sesame-1",)))
    lines = b"a line of text\n" * (before // 15) + b" " * (before % 15)
    path = put(ground / "work" / "log.txt", lines + b"open-sesame-1" + b"\n" * module._PIECE)
    with pytest.raises(Refused, match="password or a key"):
        files.read(str(path), 10 * module._PIECE)
    put(path, lines + b"\n" * module._PIECE)
    assert files.read(str(path), 10 * module._PIECE)


async def test_a_gateway_sends_what_it_was_sent_and_what_its_agent_made(ground: Path) -> None:
    files = sendable(
        ground / "work", ground / "home" / "cache", ground / "outside", home=ground / "home", redactor=Redactor()
    )
    for name in ("work/a", "home/cache/a", "outside/a"):
        assert await trio.to_thread.run_sync(files.read, str(put(ground / name)), MOST) == b"content"
    assert refused(files, put(ground / "home" / "state.db")) != ""
