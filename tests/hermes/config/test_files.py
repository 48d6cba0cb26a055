import os
import stat
import threading
from pathlib import Path

import pytest

from hermes.config import files
from hermes.config.files import SIZE_LIMIT, read_snapshot, replace_file
from hermes.errors import ConfigError


def test_a_file_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    found = read_snapshot(tmp_path / "config.yaml")
    assert (found.content, found.identity) == (b"", None)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_refused_without_blocking(tmp_path: Path, make: object) -> None:
    path = tmp_path / "config.yaml"
    assert callable(make)
    make(path)
    with pytest.raises(ConfigError, match=r"config\.yaml is no regular file"):
        read_snapshot(path)


def test_a_link_to_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"is a link to .*gone, which does not exist"):
        read_snapshot(path)


def test_a_link_in_a_circle_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.symlink_to(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_snapshot(path)


def test_a_file_of_the_size_limit_is_read_and_a_larger_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"x" * SIZE_LIMIT)
    assert len(read_snapshot(path).content) == SIZE_LIMIT
    path.write_bytes(b"x" * (SIZE_LIMIT + 1))
    with pytest.raises(ConfigError, match="larger than 1000000 bytes"):
        read_snapshot(path)


def test_replacing_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")
    path.chmod(0o644)
    replace_file(path, b"new", read_snapshot(path), mode=0o600)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o644)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody else")
def test_replacing_keeps_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")
    os.chown(path, 65534, 65533)
    replace_file(path, b"new", read_snapshot(path), mode=0o600)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)


def test_an_owner_that_cannot_be_kept_refuses_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")
    before = read_snapshot(path)
    real = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:]))

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files.os, "fstat", foreign)
    monkeypatch.setattr(files.os, "fchown", refused)
    with pytest.raises(ConfigError, match="belongs to another user"):
        replace_file(path, b"new", before, mode=0o600)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_gets_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    replace_file(path, b"new", read_snapshot(path), mode=0o640)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o640)


def test_replacing_follows_a_link(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.yaml"
    target.parent.mkdir()
    target.write_text("old")
    path = tmp_path / "config.yaml"
    path.symlink_to(target)
    replace_file(path, b"new", read_snapshot(path), mode=0o600)
    assert path.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("existed", [True, False])
def test_a_file_that_somebody_changed_meanwhile_is_not_replaced(tmp_path: Path, existed: bool) -> None:
    path = tmp_path / "config.yaml"
    if existed:
        path.write_text("old")
    before = read_snapshot(path)
    path.write_text("by hand")
    with pytest.raises(ConfigError, match="was changed by somebody else"):
        replace_file(path, b"new", before, mode=0o600)
    assert path.read_text() == "by hand"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left on device\); nothing was changed"):
        replace_file(path, b"new", read_snapshot(path), mode=0o600)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"a" * 50_000)
    seen: set[bytes] = set()
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for content in (b"b" * 50_000, b"c" * 10) * 10:
            replace_file(path, content, read_snapshot(path), mode=0o600)
    finally:
        ended.set()
        reader.join()
    assert seen <= {b"a" * 50_000, b"b" * 50_000, b"c" * 10}
