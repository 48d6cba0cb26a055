"""Plain file access for tests, which may block: nothing else runs meanwhile."""

import stat
from pathlib import Path


def put(path: Path, content: str | bytes, mode: int | None = None) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if mode is not None:
        path.chmod(mode)


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def link(path: Path, target: str | Path) -> None:
    path.symlink_to(target)


def is_link(path: Path) -> bool:
    return path.is_symlink()


def exists(path: Path) -> bool:
    return path.exists()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def owner_of(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid
