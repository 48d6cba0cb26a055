"""Several real programs on one store, and programs that are killed in the middle of their work."""

import random
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hermes.store.engine.codec import unpack_names
from hermes.store.engine.database import Database

ROOT = Path(__file__).parents[3]


def start(path: Path, number: int, programs: int, rounds: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.hermes.store.hammer", str(path), str(number), str(programs), str(rounds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def told(output: str, word: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in output.splitlines() if line.startswith(word) and line.count(" ") == 1]


def check(path: Path) -> sqlite3.Connection:
    """The file is sound, and its parts agree with each other."""
    connection = sqlite3.connect(path, isolation_level=None)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.execute("INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)")
    gaps = "SELECT turn_id FROM messages GROUP BY turn_id HAVING count(*) <> max(position) + 1"
    assert connection.execute(gaps).fetchall() == []
    counted = "SELECT id FROM turns WHERE message_count <> (SELECT count(*) FROM messages WHERE turn_id = turns.id)"
    assert connection.execute(counted).fetchall() == []
    return connection


def answers(connection: sqlite3.Connection) -> Counter[str]:
    """How often each event is answered in the outbox."""
    rows = connection.execute("SELECT answers FROM outbox").fetchall()
    return Counter(name for (column,) in rows for name in unpack_names(column))


def test_several_programs_lose_and_double_nothing(tmp_path: Path) -> None:
    path, programs, rounds = tmp_path / "state.db", 3, 12
    processes = [start(path, number, programs, rounds) for number in range(programs)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * programs
    connection = check(path)
    accepted = {name for output in outputs for name in told(output, "accepted")}
    assert len(accepted) == programs * rounds * 3 + rounds
    # What the others handed over after the first program had ended still waits.
    waiting = {row[0] for row in connection.execute("SELECT event_id FROM inbox WHERE state = 'pending'")}
    assert {name.split(":")[0] for name in waiting} <= {"shared"}
    assert answers(connection) == Counter(accepted - waiting)
    assert connection.execute(
        "SELECT count(*) FROM outbox WHERE account <> 'local' AND state <> 'sent'"
    ).fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize("rounds", [20])
def test_a_program_that_is_killed_at_any_moment_leaves_a_sound_store(tmp_path: Path, rounds: int) -> None:
    path = tmp_path / "state.db"
    accepted: set[str] = set()
    finished: set[str] = set()
    lengths = random.Random(rounds)
    for _ in range(rounds):
        process = start(path, 0, 1, 1_000_000)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(lengths.randrange(1, 60))]
        process.kill()
        output = "".join(lines) + process.communicate(timeout=60)[0]
        accepted |= set(told(output, "accepted"))
        finished |= set(told(output, "finished"))
        connection = check(path)
        kept = {row[0] for row in connection.execute("SELECT event_id FROM inbox")}
        assert accepted <= kept
        assert finished <= set(answers(connection))
        connection.close()
    last = start(path, 0, 1, 1)
    last.communicate(timeout=60)
    connection = check(path)
    kept = {row[0] for row in connection.execute("SELECT event_id FROM inbox")}
    assert answers(connection) == Counter(kept)
    connection.close()


@pytest.mark.parametrize(("point", "kept"), [("store.before_commit", 0), ("store.after_commit", 1)])
def test_a_kill_beside_the_commit_keeps_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, kept: int
) -> None:
    path = tmp_path / "state.db"
    Database.open(path).close()
    # The first three commits look for turns of the last run; the fourth accepts.
    monkeypatch.setenv("HERMES_FAILPOINTS", f"{point}=kill@4")
    process = start(path, 0, 1, 1)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == -9
    assert output == ""
    connection = check(path)
    assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (4 * kept,)
    connection.close()
