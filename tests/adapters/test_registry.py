import subprocess
import sys

import pytest

from adapters import registry
from adapters.registry import factory, names
from adapters.web.adapter import WebAdapter
from adapters.web.settings import WebSettings
from hermes.errors import ConfigError


def test_a_known_platform_is_made_by_its_factory() -> None:
    assert isinstance(factory("web")(WebSettings()), WebAdapter)
    assert "web" in names()


def test_an_unknown_platform_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match=r"platforms\.carrier-pigeon: .*web") as caught:
        factory("carrier-pigeon")
    assert caught.value.key == "platforms.carrier-pigeon"


def test_a_platform_whose_library_is_missing_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.FACTORIES, "web", "no_such_library:create")
    with pytest.raises(ConfigError, match="no_such_library is not installed"):
        factory("web")


def test_nothing_of_a_platform_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, adapters.registry, adapters.contract, adapters.web.settings, adapters.telegram.settings;"
        "print([name for name in ('starlette', 'hypercorn', 'wsproto', 'h11', 'telegram') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
