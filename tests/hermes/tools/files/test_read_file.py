"""Reading: bounded, numbered, redacted, and never stuck."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermes.redact import PLACEHOLDER, Redactor
from hermes.tools.contract import ToolResult
from hermes.tools.files import window as file_window
from hermes.tools.files.read_write import read_file
from hermes.tools.files.window import Window, read_window
from hermes.tools.registry import Registry
from tests.hermes.tools.files.disk import link, put
from tests.hermes.tools.ports import World


@pytest.fixture
def path(world: World) -> Path:
    world.cwd.mkdir(parents=True)
    return world.cwd / "file.txt"


async def _invoke(world: World, **arguments: object) -> ToolResult:
    """As a model calls it: what the world does to it is told and not raised."""
    with trio.fail_after(60):
        outcome = await Registry(["file"]).invoke("read_file", json.dumps(arguments), world.context())
    assert isinstance(outcome, ToolResult)
    return outcome


async def test_a_long_line_that_is_cut_within_a_letter_is_not_called_damaged(world: World, path: Path) -> None:
    put(path, "a" + "\u20ac" * 9_000)
    content = (await world.result(read_file, path="file.txt")).content
    assert content.endswith("\u20ac [... line cut]")


async def test_lines_are_numbered(world: World, path: Path) -> None:
    put(path, "one\ntwo\n\nfour")
    assert await world.result(read_file, path="file.txt") == ToolResult("1\tone\n2\ttwo\n3\t\n4\tfour")


async def test_a_window_begins_at_its_offset_and_says_where_it_goes_on(world: World, path: Path) -> None:
    put(path, "".join(f"line {number}\n" for number in range(1, 11)))
    result = await world.result(read_file, path="file.txt", offset=3, limit=2)
    assert result.content == "3\tline 3\n4\tline 4\n[the file goes on: 71 bytes in all; continue with offset=5]"
    assert (await world.result(read_file, path="file.txt", offset=9)).content == "9\tline 9\n10\tline 10"


async def test_a_path_is_relative_to_the_session_and_a_tilde_is_its_home(world: World, path: Path) -> None:
    put(path, "x")
    for written in ("file.txt", "./file.txt", "../work/file.txt", "~/work/file.txt", str(path)):
        assert (await world.result(read_file, path=written)).content == "1\tx"


async def test_an_empty_file_says_so(world: World, path: Path) -> None:
    put(path, "")
    assert (await world.result(read_file, path="file.txt")).content == "[the file is empty]"


async def test_an_offset_behind_the_end_tells_how_long_the_file_is(world: World, path: Path) -> None:
    put(path, "a\nb\n")
    result = await _invoke(world, path="file.txt", offset=5)
    assert result == ToolResult(f"read_file failed: {path} has only 2 lines", is_error=True)


async def test_line_ends_of_other_systems_are_told_and_left_out(world: World, path: Path) -> None:
    put(path, b"a\r\nb\r\n")
    assert (await world.result(read_file, path="file.txt")).content == "1\ta\n2\tb\n[lines end with CR LF]"


async def test_a_long_line_is_cut(world: World, path: Path) -> None:
    put(path, "x" * 10_000_000 + "\nnext\n")
    first, second = (await world.result(read_file, path="file.txt")).content.split("\n")
    assert first == "1\t" + "x" * 2_000 + " [... line cut]"
    assert second == "2\tnext"


async def test_what_is_returned_is_bounded_however_much_is_asked_for(world: World, path: Path) -> None:
    put(path, "0123456789" * 10 + "\n" + ("0123456789" * 10 + "\n") * 100_000)
    result = await world.result(read_file, path="file.txt", limit=10**9)
    assert len(result.content) < 60_000
    assert "continue with offset=" in result.content
    short = await world.result(read_file, path="file.txt", limit=5)
    assert short.content.count("\n") == 5
    put(path, "\n" * 100_000)
    many = await world.result(read_file, path="file.txt", limit=10**9)
    assert many.content.count("\n") == 5_000


async def test_bytes_that_are_no_text_are_replaced(world: World, path: Path) -> None:
    put(path, b"caf\xe9 \xff\n" + "caf\u00e9".encode())
    told = "[bytes that are no UTF-8 show as \ufffd]"
    assert (await world.result(read_file, path="file.txt")).content == f"1\tcaf\ufffd \ufffd\n2\tcaf\u00e9\n{told}"


@pytest.mark.parametrize("order", ["little", "big"])
async def test_wide_text_is_read_like_any_other(world: World, path: Path, order: str) -> None:
    codec = "utf-16-le" if order == "little" else "utf-16-be"
    put(path, "\ufeffcaf\u00e9\r\n\U0001f600\r\n".encode(codec))
    result = await world.result(read_file, path="file.txt")
    assert result.content == "1\tcaf\u00e9\n2\t\U0001f600\n[lines end with CR LF]\n[the file is UTF-16]"


async def test_a_byte_order_mark_is_no_part_of_the_first_line(world: World, path: Path) -> None:
    put(path, b"\xef\xbb\xbffirst\n")
    assert (await world.result(read_file, path="file.txt")).content == "1\tfirst"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x7fELF\x00\x00" + b"x" * 94, "is a binary file of 100 bytes"),
        (b"\x89PNG\r\n\x1a\nrest", "is a PNG image of 12 bytes: this tool knows text only"),
        (b"\xff\xd8\xff\xe0", "is a JPEG image of 4 bytes: this tool knows text only"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "is a WebP image of 16 bytes: this tool knows text only"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "is a BMP image of 18 bytes: this tool knows text only"),
        (b"%PDF-1.7", "is a PDF document of 8 bytes: take its text out with a command first"),
    ],
)
async def test_a_file_that_is_no_text_is_refused_with_its_size(
    world: World, path: Path, content: bytes, said: str
) -> None:
    put(path, content)
    assert await _invoke(world, path="file.txt") == ToolResult(f"read_file failed: {path} {said}", is_error=True)


async def test_a_huge_file_is_read_without_loading_it(world: World, path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"first\n" * 2_000)
        file.truncate(5 * 1024**3)
    result = await world.result(read_file, path="file.txt", offset=1_999, limit=2)
    assert result.content.startswith("1999\tfirst\n2000\tfirst\n[the file goes on: 5,368,709,120 bytes in all")


async def test_a_line_too_far_into_a_file_is_refused_and_not_searched_for_ever(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_window, "MOST_SCANNED", 2 * 1024 * 1024)
    with path.open("wb") as file:
        file.write(b"first\n" * 2_000)
        file.truncate(5 * 1024**3)
    result = await _invoke(world, path="file.txt", offset=5_000)
    assert result.is_error
    assert "line 5,000 of" in result.content
    assert "lies more than 2 MB into the file" in result.content
    last = await world.result(read_file, path="file.txt", offset=2_000)
    assert last.content.startswith("2000\tfirst\n")


async def test_a_pipe_a_socket_a_folder_and_a_device_are_refused_at_once(world: World, path: Path) -> None:
    os.mkfifo(path)
    (path.parent / "folder").mkdir()
    link(path.parent / "zero", "/dev/zero")
    link(path.parent / "to-pipe", path)
    os.mknod(path.parent / "socket", stat.S_IFSOCK | 0o600)
    link(path.parent / "loop", "pool")
    link(path.parent / "pool", "loop")
    said = {
        "loop": "Too many levels of symbolic links",
        "loop/below": "Too many levels of symbolic links",
        "file.txt": "is no regular file but a pipe",
        "to-pipe": "is no regular file but a pipe",
        "folder": "is a folder",
        "zero": "is made up by the kernel",
        "/proc/kmsg": "is made up by the kernel",
        "/proc/self/status": "is made up by the kernel",
        "/sys/power/state": "is made up by the kernel",
        "nothing": "No such file or directory",
        "socket": "No such device or address",
    }
    for written, reason in said.items():
        assert reason in (await _invoke(world, path=written)).content


@pytest.mark.parametrize(
    "arguments", [{"path": ""}, {"path": "a\0b"}, {"path": "x", "offset": 0}, {"path": "x", "limit": 0}]
)
async def test_arguments_that_make_no_sense_are_refused(world: World, arguments: dict[str, object]) -> None:
    assert (await _invoke(world, **arguments)).is_error


@pytest.mark.parametrize(
    "written", ["~/.hermes/.env", "~/.hermes/auth.json", "~/.ssh/id_ed25519", "../.aws/credentials", "link"]
)
async def test_a_file_with_credentials_is_not_read(world: World, path: Path, written: str) -> None:
    secret = world.home / ".hermes" / ".env"
    secret.parent.mkdir()
    put(secret, "KEY=value")
    link(path.parent / "link", secret)
    result = await _invoke(world, path=written)
    assert result.is_error
    assert "holds credentials and is not read" in result.content


@pytest.mark.parametrize(
    "written", ["memories/USER.md", "memories/telegram/42/USER.md", "sessions/a", "history", "state.db"]
)
async def test_what_people_said_to_the_agent_is_left_to_the_tools_that_know_who_may_see_it(
    world: World, path: Path, written: str
) -> None:
    private = world.home / ".hermes" / written
    private.parent.mkdir(parents=True)
    put(private, "Likes tea.")
    result = await _invoke(world, path=str(private))
    assert "tea" not in result.content
    assert "with memory, conversations by session_search" in result.content


async def test_secrets_are_redacted_and_line_numbers_stay_true(world: World, path: Path) -> None:
    world.redactor = Redactor(["correct-horse"])
    body = "MIIEow1BAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun\n" * 20
    put(path, f"a correct-horse\n-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\nlast\n")
    result = await world.result(read_file, path="file.txt")
    assert f"1\ta {PLACEHOLDER}\n2\t{PLACEHOLDER}\n3\t\n" in result.content
    assert "MIIE" not in result.content
    assert result.content.endswith("24\tlast")


async def test_a_window_inside_a_key_does_not_show_the_rest_of_it(world: World, path: Path) -> None:
    body = "MIIEow1BAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun\n" * 50
    before = "x\n" * 500_000
    put(path, f"{before}-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\nlast\n")
    for offset in (500_002, 500_030, 500_051):
        result = await world.result(read_file, path="file.txt", offset=offset)
        assert "MIIE" not in result.content
        assert result.content.endswith("500053\tlast")
    head = await world.result(read_file, path="file.txt", offset=500_000, limit=10)
    assert "MIIE" not in head.content


async def test_a_secret_at_the_place_where_a_long_line_is_cut_is_not_shown_in_part(world: World, path: Path) -> None:
    world.redactor = Redactor(["correct-horse"])
    put(path, "x" * 1_995 + "correct-horse" + "y" * 100)
    result = await world.result(read_file, path="file.txt")
    assert "corre" not in result.content


async def test_a_disk_that_does_not_answer_is_told_and_holds_nothing_up(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    stuck = threading.Event()

    def hang(*_: object) -> Window:
        stuck.wait(60)
        raise OSError

    monkeypatch.setattr("hermes.tools.files.read_write.read_window", hang)
    try:
        # The clock jumps over the wait for the thread.
        result = await read_file.run(world.context(), path="file.txt")
        assert result == ToolResult(f"{path} could not be read within 60 seconds.", is_error=True)
    finally:
        stuck.set()


async def test_a_text_that_only_begins_like_a_bitmap_is_read(world: World, path: Path) -> None:
    put(path, "BM is a short word for a bench mark, among others\n")
    assert (await world.result(read_file, path="file.txt")).content.startswith("1\tBM is")


_LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0\ufeff"), max_size=20), max_size=30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    lines=_LINES,
    first=st.integers(1, 35),
    count=st.integers(1, 35),
    end=st.sampled_from(["", "\n"]),
    chunk=st.integers(1, 50),
    codec=st.sampled_from(["utf-8", "utf-16"]),
)
def test_a_window_is_what_slicing_the_lines_gives(
    tmp_path: Path, lines: list[str], first: int, count: int, end: str, chunk: int, codec: str
) -> None:
    path = tmp_path / "lines"
    text = "\n".join(lines) + end
    put(path, text.encode(codec))
    expected = text.removesuffix("\n").split("\n") if text else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_window, "_CHUNK", chunk)
        patch.setattr(file_window, "_LOOKBACK_LINES", 3)
        if first > max(1, len(expected)):
            with pytest.raises(Exception, match="has only"):
                read_window(path, first, count)
            return
        window = read_window(path, first, count)
    assert list(window.lines) == expected[first - 1 : first - 1 + count]
    assert list(window.before) == expected[max(0, first - 4) : first - 1]
    assert window.more == (len(expected) > first - 1 + count)
