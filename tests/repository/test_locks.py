"""The locks: complete, hashed, within the ranges of pyproject.toml, and silent about where packages come from."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """Version by canonical name, of those entries that carry a hash."""
    return {canonicalize_name(name): version for name, version, _ in _PIN.findall(lock.read_text())}


def ranges(root: Path, *groups: str) -> list[Requirement]:
    """The project's own dependencies and those of the groups, includes followed."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    found = list(project["project"]["dependencies"])
    waiting = list(groups)
    while waiting:
        for entry in project["dependency-groups"][waiting.pop()]:
            if isinstance(entry, dict):
                waiting.append(entry["include-group"])
            else:
                found.append(entry)
    return [Requirement(text) for text in found]


@pytest.fixture(params=["run.txt", "dev.txt"])
def lock(root: Path, request: pytest.FixtureRequest) -> Path:
    return root / "requirements" / request.param


def test_a_lock_names_no_address_and_no_option_of_pip(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert [line for line in text.splitlines() if line.startswith("-")] == []


def test_every_entry_of_a_lock_carries_a_hash(lock: Path) -> None:
    entries = [line for line in lock.read_text().splitlines() if line and not line.startswith(("#", " "))]
    assert len(pins(lock)) == len(entries) > 10


@pytest.mark.parametrize(("name", "group"), [("run.txt", "build"), ("dev.txt", "dev")])
def test_every_dependency_is_locked_within_its_range(root: Path, name: str, group: str) -> None:
    locked = pins(root / "requirements" / name)
    wanted = ranges(root, group)
    assert [str(r) for r in wanted if locked.get(canonicalize_name(r.name), "absent") not in r.specifier] == []


def test_every_range_is_bounded_on_both_sides(root: Path) -> None:
    # A bound above keeps a new major release from arriving by a renewed lock unread.
    loose = [str(r) for r in ranges(root, "dev") if {s.operator for s in r.specifier} != {">=", "<"}]
    assert loose == []


def test_the_tools_run_on_the_very_versions_that_a_user_runs(root: Path) -> None:
    run, dev = pins(root / "requirements/run.txt"), pins(root / "requirements/dev.txt")
    assert {name: (version, dev.get(name)) for name, version in run.items() if dev.get(name) != version} == {}


def test_a_lock_holds_what_its_packages_need_in_turn(lock: Path) -> None:
    # pip installs a lock with --no-deps, so that nothing unlocked slips in; a gap would show at run time only.
    locked = pins(lock)
    missing = {
        (name, requirement.name)
        for name in locked
        for requirement in map(Requirement, importlib.metadata.requires(name) or [])
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if canonicalize_name(requirement.name) not in locked
    }
    assert missing == set()
