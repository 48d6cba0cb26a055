import ast
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes import failpoints
from hermes.errors import ConfigError
from hermes.failpoints import ARM, FAILPOINTS, RECORD, Failpoints, failpoint

ROOT = Path(failpoints.__file__).parents[1]


def parsed(arm: str = "", record: str = "") -> Failpoints:
    found = Failpoints.from_environment({ARM: arm, RECORD: record})
    assert found is not None
    return found


def run(arm: str, body: str) -> "subprocess.CompletedProcess[str]":
    script = f"from hermes.failpoints import failpoint\n{body}"
    environment = {**os.environ, ARM: arm}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def marks() -> Iterator[tuple[Path, str | None]]:
    """Every call of ``failpoint`` in the code, with its name; None for one that is no literal."""
    for top in ("hermes", "actors", "adapters"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("failpoint"):
                    argument = node.args[0]
                    yield path, argument.value if isinstance(argument, ast.Constant) else None


def test_every_mark_in_the_code_is_a_declared_name() -> None:
    found = list(marks())
    assert {"store.before_commit", "store.after_commit"} <= {name for _, name in found}
    assert [(path, name) for path, name in found if name not in FAILPOINTS] == []


def test_every_name_says_what_is_durable_then() -> None:
    assert all(line.endswith(".") and len(line) > 20 for line in FAILPOINTS.values())


def test_nothing_happens_unless_the_environment_arms_something() -> None:
    assert Failpoints.from_environment({}) is None
    assert Failpoints.from_environment({ARM: "", RECORD: ""}) is None
    failpoint("not even declared")


def test_an_armed_name_that_is_not_declared_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_ACTIVE", parsed("turn.after_claim=raise"))
    with pytest.raises(KeyError, match="not declared"):
        failpoint("turn.after_clam")


def test_raising_happens_at_the_armed_name_and_its_first_hit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_ACTIVE", parsed("turn.after_claim=raise"))
    failpoint("turn.before_model")
    with pytest.raises(RuntimeError, match=r"failpoint turn\.after_claim"):
        failpoint("turn.after_claim")
    failpoint("turn.after_claim")


def test_an_action_waits_for_its_hit() -> None:
    points = parsed("turn.after_claim=raise@3, turn.after_model=raise")
    points.reach("turn.after_claim")
    points.reach("turn.after_claim")
    with pytest.raises(RuntimeError):
        points.reach("turn.after_claim")
    with pytest.raises(RuntimeError):
        points.reach("turn.after_model")


def test_hits_are_counted_over_all_threads() -> None:
    points = parsed("turn.after_claim=raise@200")

    def reach() -> None:
        for _ in range(50):
            points.reach("turn.after_claim")

    threads = [threading.Thread(target=reach) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(49):
        points.reach("turn.after_claim")
    with pytest.raises(RuntimeError):
        points.reach("turn.after_claim")


@pytest.mark.parametrize(
    "arm",
    ["nowhere=kill", "turn.after_claim", "turn.after_claim=burn", "turn.after_claim=kill@0", "turn.after_claim=kill@x"],
)
def test_a_name_or_action_that_does_not_exist_is_refused(arm: str) -> None:
    with pytest.raises(ConfigError, match="HERMES_FAILPOINTS") as caught:
        parsed(arm)
    assert caught.value.key == ARM


def test_kill_ends_the_process_at_once() -> None:
    ended = run("turn.after_claim=kill", "print('before', flush=True)\nfailpoint('turn.after_claim')\nprint('after')")
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "before\n")


def test_hang_blocks_the_thread_for_ever() -> None:
    body = "print('before', flush=True)\nfailpoint('turn.after_claim')\nprint('after', flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"from hermes.failpoints import failpoint\n{body}"],
        env={**os.environ, ARM: "turn.after_claim=hang"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "before\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.kill()
    assert process.communicate(timeout=60)[0] == ""


def test_an_unarmed_process_passes_through() -> None:
    assert run("", "failpoint('turn.after_claim')\nprint('after')").stdout == "after\n"


def test_reached_names_are_recorded_once_each_before_their_action(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    points = parsed("turn.after_model=raise", str(seen))
    for _ in range(3):
        points.reach("turn.after_claim")
    with pytest.raises(RuntimeError):
        points.reach("turn.after_model")
    parsed(record=str(seen)).reach("turn.after_claim")
    assert seen.read_text() == "turn.after_claim\nturn.after_model\nturn.after_claim\n"


def test_kill_and_hang_go_through_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as above where the process that is measured can see it."""
    done: list[object] = []
    monkeypatch.setattr(failpoints.os, "kill", lambda *arguments: done.append(arguments))

    def sleep(seconds: float) -> None:
        done.append(seconds)
        if len(done) == 3:
            raise InterruptedError

    monkeypatch.setattr(failpoints.time, "sleep", sleep)
    with pytest.raises(InterruptedError):
        parsed("turn.after_claim=kill").reach("turn.after_claim")
    assert done[0] == (os.getpid(), signal.SIGKILL)
