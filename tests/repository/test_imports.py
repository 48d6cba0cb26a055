"""The contracts of pyproject.toml, tried on small packages of the same names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What the design allows, one import of each kind.
_ALLOWED = {
    "hermes/__init__.py": "",
    "hermes/__main__.py": "from hermes.cli import gateway",
    "hermes/status.py": "",
    "hermes/agent/__init__.py": "import hermes.status",
    "hermes/cli/__init__.py": "from hermes.cli import gateway",
    "hermes/cli/gateway.py": "import actors.tree, adapters.web, hermes.agent",
    "actors/__init__.py": "",
    "actors/tree.py": "import adapters.web, hermes.agent",
    "adapters/__init__.py": "",
    "adapters/web.py": "import hermes.status",
}


def lint(folder: Path, root: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (folder / "pyproject.toml").write_text((root / "pyproject.toml").read_text())
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_import_directions_of_the_design_are_kept_by_the_contracts(tmp_path: Path, root: Path) -> None:
    result = lint(tmp_path, root, _ALLOWED)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("hermes/agent/turn.py", "import actors.tree", "the agent knows neither actors nor chat platforms"),
        ("hermes/status.py", "from adapters import web", "the agent knows neither actors nor chat platforms"),
        ("hermes/agent/turn.py", "import hermes.cli.gateway", "nothing imports the command line"),
        ("actors/tree.py", "import hermes.cli", "nothing imports the command line"),
        ("adapters/web.py", "import hermes.cli", "nothing imports the command line"),
        ("adapters/web.py", "def late():\n    import actors.tree", "chat platforms know no actors"),
        (
            "adapters/web.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import actors.tree",
            "chat platforms know no actors",
        ),
    ],
)
def test_an_import_against_the_direction_breaks_its_contract(
    tmp_path: Path, root: Path, module: str, line: str, contract: str
) -> None:
    result = lint(tmp_path, root, _ALLOWED | {module: line})
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contract} BROKEN" in result.stdout


def test_every_folder_of_code_is_a_package_that_the_contracts_can_see(root: Path) -> None:
    folders = {path.parent for package in ("hermes", "actors", "adapters") for path in (root / package).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []
