"""No file of the repository names the host of a package registry: where packages come from, the machine knows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# In pieces, so that this file keeps its own rule.
_HOSTS = re.compile(
    "|".join(
        re.escape(".".join(pieces))
        for pieces in [
            ("pypi", "org"),
            ("pypi", "python", "org"),
            ("pythonhosted", "org"),
            ("deb", "debian", "org"),
            ("security", "debian", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("cache", "nixos", "org"),
        ]
    ),
    re.IGNORECASE,
)


def ignored(root: Path) -> set[str]:
    """The names of .gitignore, which are all plain."""
    lines = (root / ".gitignore").read_text().splitlines()
    return {line.strip().rstrip("/") for line in lines if line.strip() and not line.startswith("#")} | {".git"}


def files(root: Path) -> Iterator[Path]:
    skipped = ignored(root)
    folders = [root]
    while folders:
        for path in folders.pop().iterdir():
            if any(path.match(name) for name in skipped) or path.is_symlink():
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path


def named_hosts(root: Path) -> list[str]:
    """FILE: HOST for each host that a file names, in order."""
    texts = ((path, path.read_text(encoding="utf-8", errors="replace")) for path in files(root))
    return sorted(f"{path.relative_to(root)}: {host}" for path, text in texts for host in _HOSTS.findall(text))


def test_no_file_names_a_registry(root: Path) -> None:
    assert named_hosts(root) == []


@pytest.mark.parametrize("pieces", [("https://PyPI", "org/simple"), ("http://deb", "debian", "org/debian bookworm")])
def test_a_registry_would_be_found(tmp_path: Path, pieces: tuple[str, ...]) -> None:
    (tmp_path / ".gitignore").write_text("# caches\n.venv/\n.coverage.*\n")
    for name in ("docs", ".venv"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.md").write_text("from " + ".".join(pieces))
    (tmp_path / ".coverage.1").write_text(".".join(pieces))
    (found,) = named_hosts(tmp_path)
    assert found.startswith("docs/page.md: ")
