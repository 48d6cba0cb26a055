"""What was measured outlives the run that measured it."""

from pathlib import Path

from benchmarks.records import Record, read, write


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert read(path) == {}
    records = {"load": Record("today", "1 1 1", "2 2 2", ["x failed"], {"rate.50": {"ours": [1.5, 2.0]}})}
    write(path, records)
    assert read(path) == records
