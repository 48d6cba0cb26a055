"""The code of the methods that attrs writes, kept from start to start."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

from hermes import lean_attrs
from hermes.lean_attrs import CodeFile

SOURCE = (
    "def __hash__(self):\n        return hash((\n                {salt},\n                self.a,\n            ))\n"
)
PROGRAM = """
import sys
from hermes import lean_attrs
with lean_attrs.installed("program"):
    import actors.runtime, attrs
    @attrs.frozen
    class One:
        a: int
        b: str = "x"
    assert One(1) == One(1) != One(2) and len({One(1), One(1), One(2)}) == 2 and repr(One(1)) == "One(a=1, b='x')"
    assert attrs.evolve(One(1), b="y").b == "y"
    compiled = len(lean_attrs._installed[0].compiled)
    lean_attrs.keep()
    assert not lean_attrs._installed
print(compiled, "compile" in vars(sys.modules["attr._make"]))
"""


@pytest.fixture(autouse=True)
def _writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have it turned off."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def start(folder: Path, **environment: str) -> tuple[int, bool]:
    """How much a program compiled, and whether anything of us was left in attrs."""
    given = {"PATH": os.environ["PATH"], "PYTHONPYCACHEPREFIX": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=given, capture_output=True, text=True, check=True, timeout=60
    )
    compiled, left = done.stdout.split()
    return int(compiled), left == "True"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("lean_attrs*") if ".program" in path.name]


def test_a_second_start_compiles_nothing(tmp_path: Path) -> None:
    first, left = start(tmp_path, PYTHONHASHSEED="1")
    assert first > 10
    assert not left
    assert start(tmp_path, PYTHONHASHSEED="2") == (0, False)
    assert len(files(tmp_path)) == 1


def test_nothing_is_written_where_the_interpreter_may_write_nothing(tmp_path: Path) -> None:
    assert start(tmp_path, PYTHONDONTWRITEBYTECODE="1")[0] > 10
    assert files(tmp_path) == []


@pytest.mark.parametrize(("kept", "put_before"), [(0, b""), (-1, b""), (None, b"x")])
def test_a_file_that_is_cut_or_foreign_is_begun_anew(kept: int | None, put_before: bytes, tmp_path: Path) -> None:
    start(tmp_path)
    (path,) = files(tmp_path)
    path.write_bytes(put_before + path.read_bytes()[:kept])
    assert start(tmp_path)[0] > 10
    assert start(tmp_path) == (0, False)


def test_code_is_found_by_its_source_whatever_its_salt(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.code"
    first = CodeFile(path)
    code = first.compile(SOURCE.format(salt=-12), "<one>", "exec")
    first.write()
    later = CodeFile(path)
    assert later.compile(SOURCE.format(salt=34), "<one>", "exec") == code
    assert later.compiled == {}
    later.compile(SOURCE.format(salt=34), "<other>", "exec")
    later.compile(SOURCE.format(salt=34) + "pass\n", "<one>", "exec")
    assert len(later.compiled) == 2


def test_a_file_that_grew_too_long_keeps_what_was_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_attrs, "MOST", 2)
    path = tmp_path / "x.code"
    first = CodeFile(path)
    first.compile("a = 1", "<a>", "exec")
    first.compile("b = 1", "<b>", "exec")
    first.write()
    second = CodeFile(path)
    second.compile("a = 1", "<a>", "exec")
    second.compile("c = 1", "<c>", "exec")
    second.write()
    third = CodeFile(path)
    for name in "ac":
        third.compile(f"{name} = 1", f"<{name}>", "exec")
    assert third.compiled == {}
    third.compile("b = 1", "<b>", "exec")
    assert len(third.compiled) == 1


def test_a_folder_that_cannot_be_written_to_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = CodeFile(tmp_path / "file" / "x.code")
    kept.compile("a = 1", "<a>", "exec")
    kept.write()
    full = CodeFile(tmp_path / "x.code")
    full.compile("a = 1", "<a>", "exec")
    (tmp_path / "x.code").mkdir()
    full.write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "x.code"]


def test_classes_are_the_same_with_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_attrs, "cache_from_source", lambda _: str(tmp_path / "x.pyc"))
    with lean_attrs.installed("code"):

        @frozen
        class One:
            a: int

        with pytest.raises(AttributeError):
            One(1).a = 2  # type: ignore[misc]
        assert One(1) == One(1)
        assert hash(One(1)) == hash(One(1)) != hash(One(2))
    assert "compile" not in vars(importlib.import_module("attr._make"))
    assert (tmp_path / "x.code").exists()


def test_a_program_that_fails_leaves_attrs_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_attrs, "cache_from_source", lambda _: str(tmp_path / "x.pyc"))
    with pytest.raises(ZeroDivisionError), lean_attrs.installed("code"):
        raise ZeroDivisionError
    assert "compile" not in vars(importlib.import_module("attr._make"))


@pytest.mark.parametrize("missing", [NotImplementedError, ImportError])
def test_without_a_cache_or_with_another_attrs_everything_is_compiled_as_usual(
    missing: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: str) -> str:
        raise missing

    monkeypatch.setattr(lean_attrs, "cache_from_source" if missing is NotImplementedError else "import_module", fails)
    with lean_attrs.installed("code"):
        assert not lean_attrs._installed
