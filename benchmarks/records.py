"""What was measured so far, in results.json: a run of some groups renews theirs and leaves the others as they are."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import cattrs
from attrs import define, field

from benchmarks.soak.trace import Trace

Values = dict[str, dict[str, list[float]]]


@define
class Record:
    """The latest measurement of one group."""

    date: str
    load_before: str
    load_after: str
    failed: list[str] = field(factory=list[str])
    values: Values = field(factory=dict[str, dict[str, list[float]]])
    """By figure and product."""
    soak: Trace | None = None
    """What a soak saw; it has no figures."""


def now() -> str:
    """A record's date."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def read(path: Path) -> dict[str, Record]:
    """By group; nothing where there is no file yet. Raises ``cattrs.BaseValidationError`` for another kind of file."""
    return cattrs.structure(json.loads(path.read_text()), dict[str, Record]) if path.exists() else {}


def write(path: Path, records: Mapping[str, Record]) -> None:
    path.write_text(json.dumps(cattrs.unstructure(dict(records)), indent=1) + "\n")
