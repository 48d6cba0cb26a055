"""Our own search, run in this process: what it leaves out, what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from hermes.tools.search.globs import parse_glob, parse_ignore_file
from hermes.tools.search.walk import main
from tests.hermes.tools.files.disk import link, put


def _search(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], folder: Path, **asked: object
) -> tuple[object, bytes]:
    usual = {"mode": "content", "pattern": "x", "target": "", "glob": "", "context": 0, "columns": 20, "largest": 100}
    monkeypatch.setattr("sys.argv", ["walk", json.dumps({**usual, **asked})])
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capfdbinary.readouterr().out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub/.git").mkdir(parents=True)
    (tmp_path / "made").mkdir()
    put(tmp_path / ".gitignore", "made/\n*.log\n!keep.log\n")
    put(tmp_path / "sub/.gitignore", "/only\n")
    for name in ("a", "made/b", "c.log", "keep.log", "sub/d.log", "sub/only", "sub/z", "sub/.git/e"):
        put(tmp_path / name, "x\n")
    link(tmp_path / "up", "..")
    return tmp_path


def test_it_walks_in_order_and_leaves_out_what_is_ignored_hidden_or_a_link(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], folder: Path
) -> None:
    assert _search(monkeypatch, capfdbinary, folder, mode="files") == (0, b"a\0keep.log\0sub/z\0")
    assert _search(monkeypatch, capfdbinary, folder / "sub", mode="files") == (0, b"z\0")
    assert _search(monkeypatch, capfdbinary, folder, mode="files", glob="*.none") == (1, b"")
    assert _search(monkeypatch, capfdbinary, folder, mode="files", glob="!a") == (0, b"keep.log\0sub/z\0")
    assert _search(monkeypatch, capfdbinary, folder, mode="files", glob="*.log")[1] == b"c.log\0keep.log\0sub/d.log\0"


def test_it_prints_lines_with_what_is_around_them_and_cuts_them(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    put(tmp_path / "a", "1\n2\nx\n4\n5\nxxxxxxxxxxxxxxxxxxxxxxx\n")
    assert _search(monkeypatch, capfdbinary, tmp_path, context=1) == (
        0,
        b"a\x002-2\na\x003:x\na\x004-4\na\x005-5\na\x006:xxxxxxxxxxxxxxxxxxxx [... omitted end of long line]\n",
    )
    assert _search(monkeypatch, capfdbinary, tmp_path, mode="count") == (0, b"a\x002\n")
    assert _search(monkeypatch, capfdbinary, tmp_path, mode="files_only", target="a") == (0, b"a\0")


def test_binary_and_large_files_and_those_that_are_gone_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    put(tmp_path / "binary", b"x\0x")
    put(tmp_path / "large", "x" * 101)
    put(tmp_path / "late", b"y\n" * 5000 + b"\0x\n")
    put(tmp_path / "wide", "x\n".encode("utf-16"))
    put(tmp_path / "marked", b"\xef\xbb\xbfx\n")
    assert _search(monkeypatch, capfdbinary, tmp_path, mode="files_only")[1] == b"marked\0wide\0"
    assert _search(monkeypatch, capfdbinary, tmp_path, mode="files_only", target="late", largest=10**6) == (1, b"")
    assert _search(monkeypatch, capfdbinary, tmp_path, target="gone") == (1, b"")
    assert _search(monkeypatch, capfdbinary, tmp_path, pattern="^x$", target="marked")[0] == 0


@pytest.mark.parametrize("asked", [{"pattern": "("}, {"glob": "{"}, {"glob": "[z-a]"}])
def test_what_is_no_pattern_ends_it_with_2(
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
    asked: dict[str, object],
) -> None:
    assert _search(monkeypatch, capfdbinary, tmp_path, **asked) == (2, b"")


def test_lines_of_an_ignore_file_that_say_nothing_are_passed_over() -> None:
    globs = parse_ignore_file("\ufeff# comment\n\n  \n/\n[\n{\n[z-a]\na \nb\\ \n\\#c\n!\\!d\n")
    names = ["a", "b ", "#c", "!d"]
    assert [glob.negated for glob in globs] == [False, False, False, True]
    assert all(glob.matches(name, folder=False) for glob, name in zip(globs, names, strict=True))


@pytest.mark.parametrize(
    ("glob", "path", "folder", "matches"),
    [
        ("a", "x/a", False, True),
        ("/a", "x/a", False, False),
        ("a/", "a", False, False),
        ("a/", "a", True, True),
        ("a/b", "x/a/b", False, False),
        ("**/a", "a", False, True),
        ("a/**", "a", True, False),
        ("a/**", "a/b/c", False, True),
        ("a/**/b", "a/b", False, True),
        ("a/**/b", "a/x/y/b", False, True),
        ("a*b", "a/b", False, False),
        ("a?b", "a/b", False, False),
        ("[!a]", "b", False, True),
        ("[]a]", "]", False, True),
        ("x[!a]y", "x/y", False, False),
        ("*.{py,md}", "a.md", False, True),
        ("\\*", "*", False, True),
        ("\\*", "a", False, False),
        ("a.b", "axb", False, False),
        ("a,b", "a,b", False, True),
    ],
)
def test_a_glob_means_what_git_and_ripgrep_say(glob: str, path: str, folder: bool, matches: bool) -> None:
    assert parse_glob(glob).matches(path, folder=folder) is matches
