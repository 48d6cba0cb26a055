"""A module that is hidden while another is imported, and from nobody else."""

import sys
import threading
from pathlib import Path

import pytest

from hermes.hiding import IMPORTING, without


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hidden_extra.py").write_text("")
    (tmp_path / "hiding_library.py").write_text(
        "try:\n    import hidden_extra\nexcept ImportError:\n    hidden_extra = None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("hidden_extra", "hiding_library"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("extra")
def test_a_library_is_imported_without_its_extra_which_others_find_afterwards() -> None:
    with without("hidden_extra"):
        library = __import__("hiding_library")
    assert library.hidden_extra is None
    assert __import__("hidden_extra").__name__ == "hidden_extra"


@pytest.mark.usefixtures("extra")
def test_what_is_imported_already_stays() -> None:
    before = __import__("hidden_extra")
    with without("hidden_extra"):
        assert __import__("hiding_library").hidden_extra is before
    assert sys.modules["hidden_extra"] is before


@pytest.mark.usefixtures("extra")
def test_an_import_that_fails_leaves_nothing_hidden() -> None:
    with pytest.raises(ZeroDivisionError), without("hidden_extra"):
        raise ZeroDivisionError
    assert "hidden_extra" not in sys.modules


@pytest.mark.usefixtures("extra")
def test_another_thread_that_imports_waits_and_finds_everything() -> None:
    found: list[str] = []

    def imports() -> None:
        with IMPORTING:
            found.append(__import__("hidden_extra").__name__)

    thread = threading.Thread(target=imports)
    with without("hidden_extra"):
        thread.start()
        thread.join(0.05)
        assert not found
    thread.join(60)
    assert found == ["hidden_extra"]
