"""The wheel as hatchling builds it from this tree, without a network."""

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hermes

_PACKAGES = ("hermes", "actors", "adapters")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.iterdir()
    return path


def contents(wheel: Path) -> dict[str, str]:
    """Text by name, of all files but the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" not in name}


def metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [entry for entry in archive.namelist() if entry.endswith(f".dist-info/{name}")]
        return archive.read(path).decode()


def test_the_wheel_holds_the_packages_and_skills_and_nothing_else(wheel: Path, root: Path) -> None:
    tree = {
        str(path.relative_to(root))
        for folder in (*_PACKAGES, "skills")
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(contents(wheel)) == tree
    assert {f"{package}/__init__.py" for package in _PACKAGES} <= tree


def test_both_commands_lead_to_the_command_line(wheel: Path) -> None:
    entries = configparser.ConfigParser()
    entries.read_string(metadata(wheel, "entry_points.txt"))
    assert dict(entries["console_scripts"]) == {"hermes": "hermes.cli:main", "hermes-agent": "hermes.cli:main"}


def test_the_version_is_the_one_in_the_code(wheel: Path) -> None:
    lines = metadata(wheel, "METADATA").splitlines()
    assert f"Version: {hermes.__version__}" in lines
    assert "Name: hermes-agent" in lines
    assert "Requires-Python: >=3.11" in lines
