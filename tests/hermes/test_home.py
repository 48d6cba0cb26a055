import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hermes.errors import ConfigError
from hermes.home import Home, find_home, make_home, socket_address


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_home_is_under_the_users_home_unless_it_is_named(tmp_path: Path) -> None:
    assert find_home({}).root == tmp_path / "home" / ".hermes"  # HOME is set by the fixture of every test
    assert find_home({"HERMES_HOME": ""}).root == tmp_path / "home" / ".hermes"
    assert find_home({"HERMES_HOME": "~/elsewhere"}).root == tmp_path / "home" / "elsewhere"
    assert find_home({"HERMES_HOME": "/srv/hermes"}).root == Path("/srv/hermes")


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_home({"HERMES_HOME": "here"}).root == tmp_path / "here"


@pytest.mark.parametrize("named", ["a\0b", "~nobody-of-this-name/x"])
def test_a_home_that_cannot_be_told_is_a_configuration_error(named: str) -> None:
    with pytest.raises(ConfigError, match="HERMES_HOME") as caught:
        find_home({"HERMES_HOME": named})
    assert caught.value.key == "HERMES_HOME"


def test_finding_a_home_makes_nothing(tmp_path: Path) -> None:
    find_home({"HERMES_HOME": str(tmp_path / "new")})
    assert list(tmp_path.iterdir()) == []


def test_a_new_home_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    home = find_home({"HERMES_HOME": str(tmp_path / "deep" / "new")})
    before = os.umask(0o077)
    try:
        make_home(home)
        make_home(home)
    finally:
        os.umask(before)
    made = {path.name: mode(path) for path in home.root.iterdir()}
    assert made == dict.fromkeys(("run", "changes", "logs", "cache", "skills", "memories"), 0o700)
    assert mode(home.root) == 0o700


def test_every_path_lies_in_the_home() -> None:
    home = Home(Path("/srv/hermes"))
    names = {
        "config_file": "config.yaml",
        "env_file": ".env",
        "state_db": "state.db",
        "run_dir": "run",
        "logs_dir": "logs",
        "cache_dir": "cache",
        "skills_dir": "skills",
        "memories_dir": "memories",
        "changes_dir": "changes",
        "gateway_pid": "gateway.pid",
        "gateway_lock": "run/gateway.lock",
        "control_socket": "gateway.sock",
    }
    assert {name: str(getattr(home, name).relative_to(home.root)) for name in names} == names


def test_a_home_of_ours_that_others_may_enter_is_narrowed_and_its_folders_are_left(tmp_path: Path) -> None:
    root = tmp_path / "wide"
    root.mkdir()
    root.chmod(0o755)
    (root / "logs").mkdir()
    (root / "logs").chmod(0o755)
    make_home(find_home({"HERMES_HOME": str(root)}))
    assert mode(root) == 0o700
    assert mode(root / "logs") == 0o755


@pytest.mark.parametrize("how", ["variable", "marker"])
def test_a_managed_home_keeps_its_modes_and_lends_them(tmp_path: Path, how: str) -> None:
    root = tmp_path / "managed"
    root.mkdir()
    root.chmod(0o2770)
    (root / "cache").mkdir()
    (root / "cache").chmod(0o755)
    if how == "marker":
        (root / ".managed").touch()
    home = find_home({"HERMES_HOME": str(root), "HERMES_MANAGED": "true" if how == "variable" else ""})
    make_home(home)
    home.touch(home.state_db)
    assert home.managed_by == "NixOS"
    assert (mode(root), mode(root / "cache"), mode(root / "run")) == (0o2770, 0o755, 0o2770)
    assert mode(home.state_db) == 0o660


@pytest.mark.parametrize(
    ("value", "manager"),
    [
        ("true", "NixOS"),
        ("1", "NixOS"),
        ("home-manager", "home-manager"),
        ("false", ""),
        ("0", ""),
        ("", ""),
        (" ", ""),
    ],
)
def test_the_variable_names_the_manager(tmp_path: Path, value: str, manager: str) -> None:
    home = find_home({"HERMES_HOME": str(tmp_path), "HERMES_MANAGED": value})
    assert (home.managed_by, home.managed) == (manager, bool(manager))


def test_the_marker_may_name_its_manager(tmp_path: Path) -> None:
    (tmp_path / ".managed").write_text("home-manager\n")
    assert find_home({"HERMES_HOME": str(tmp_path)}).managed_by == "home-manager"


def test_a_mode_that_a_person_sets_holds_for_folders_and_files(tmp_path: Path) -> None:
    root = tmp_path / "shared"
    root.mkdir()
    root.chmod(0o755)
    home = find_home({"HERMES_HOME": str(root), "HERMES_HOME_MODE": "0750"})
    make_home(home)
    assert (mode(root), mode(home.run_dir), home.file_mode) == (0o750, 0o750, 0o640)


def test_a_managed_home_is_not_narrowed_whatever_mode_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    home = find_home({"HERMES_HOME": str(tmp_path), "HERMES_HOME_MODE": "0700", "HERMES_MANAGED": "true"})
    make_home(home)
    assert (mode(tmp_path), mode(home.run_dir)) == (0o750, 0o700)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("value", ["rwx", "0999", "-1", "600", "77777"])
def test_a_mode_that_is_none_or_locks_its_owner_out_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="HERMES_HOME_MODE: expected an octal mode"):
        find_home({"HERMES_HOME_MODE": value})


def test_a_file_is_made_once_with_the_mode_of_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.touch(home.state_db)
    assert mode(home.state_db) == 0o600
    home.state_db.write_text("kept")
    home.state_db.chmod(0o644)
    home.touch(home.state_db)
    assert (home.state_db.read_text(), mode(home.state_db)) == ("kept", 0o644)


def test_a_file_in_the_place_of_the_home_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError) as caught:
            make_home(Home(root))
        assert str(root) in str(caught.value)
        assert caught.value.key == "HERMES_HOME"


def test_a_file_in_the_place_of_a_folder_of_the_home_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    with pytest.raises(ConfigError, match="logs is no folder: move it away"):
        make_home(Home(tmp_path))


AS_NOBODY = """
import os, sys
from pathlib import Path
from hermes.errors import ConfigError
from hermes.home import Home, make_home
os.chdir(sys.argv[1])  # the folders above are not open to the user below
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    make_home(Home(Path(sys.argv[2])))
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "problem"), [("closed", "closed cannot be read and written"), ("new", "cannot make new")]
)
def test_a_home_that_cannot_be_written_is_told_with_the_cure(tmp_path: Path, name: str, problem: str) -> None:
    """In a process without root's rights where the tests have them: root may write everywhere."""
    (tmp_path / "closed").mkdir(mode=0o500)
    tmp_path.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(tmp_path), name], capture_output=True, text=True, check=True, timeout=60
    )
    tmp_path.chmod(0o700)
    assert done.stdout.startswith(problem)
    assert "set HERMES_HOME to another path" in done.stdout


def connect_through(path: Path) -> bytes:
    """What a server at ``path`` says to one client; both go through ``socket_address``."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with socket_address(path) as address:
            server.bind(address)
        server.listen(1)
        with socket_address(path) as address:
            client.connect(address)
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"here")
        return client.recv(10)


def test_a_short_socket_path_is_its_own_address(tmp_path: Path) -> None:
    path = Path("/run/gateway.sock")
    with socket_address(path) as address:
        assert address == str(path)


def test_a_socket_path_of_any_length_can_be_bound_and_reached(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40) / ("longer" * 30)
    folder.mkdir(parents=True)
    path = folder / "gateway.sock"
    assert len(os.fsencode(path)) > 300
    assert connect_through(path) == b"here"
    assert stat.S_ISSOCK(path.stat().st_mode)


def test_the_longest_address_that_fits_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x"
    while len(os.fsencode(path)) < 107:
        path = path.with_name(path.name + "x")
    with socket_address(path) as address:
        assert address == str(path)
    assert connect_through(path) == b"here"
    with socket_address(path.with_name(path.name + "x")) as address:
        assert address.startswith("/proc/self/fd/")


def test_a_long_socket_path_in_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot enter"), socket_address(tmp_path / ("no" * 60) / "gateway.sock"):
        pass


def test_a_long_socket_path_without_proc_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ConfigError, match="set HERMES_HOME to a shorter path"), socket_address(tmp_path / ("a" * 150)):
        pass
