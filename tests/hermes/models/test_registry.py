"""From the configuration to a model."""

import subprocess
import sys

import pytest

from hermes.config.schema import Model, Settings
from hermes.errors import ConfigError
from hermes.models.registry import open_model


def test_the_embedded_default_is_the_offline_model() -> None:
    assert open_model(Settings()).name == "offline"


def test_a_provider_that_does_not_exist_names_the_key_and_the_cure() -> None:
    with pytest.raises(ConfigError, match=r"model\.provider.*not built yet.*Set model\.provider to offline") as caught:
        open_model(Settings(model=Model("anthropic/claude", "openrouter")))
    assert caught.value.key == "model.provider"


def test_no_model_is_imported_before_it_is_configured() -> None:
    look = "import sys, hermes.models.registry; print('hermes.models.offline' in sys.modules, 'httpx' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["False", "False"]
