from pathlib import Path

import pytest

from hermes.config.managed import refuse_if_managed
from hermes.errors import ConfigError
from hermes.home import Home


def test_a_home_of_a_person_may_be_changed() -> None:
    refuse_if_managed(Home(Path("/home/x")), "do it", "agent.max_turns")


@pytest.mark.parametrize(
    ("manager", "cure"),
    [
        (
            "NixOS",
            "services.hermes-agent.settings.agent.max_turns in configuration.nix and run `sudo nixos-rebuild switch`",
        ),
        ("home-manager", "services.hermes-agent.settings.agent.max_turns in your home configuration"),
        ("ansible", "set agent.max_turns there"),
    ],
)
def test_a_managed_home_is_not_changed_and_the_option_is_named(manager: str, cure: str) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_if_managed(Home(Path("/srv/h"), manager), "set it", "agent.max_turns")
    assert str(caught.value).startswith(f"cannot set it: /srv/h/config.yaml is managed by {manager}: ")
    assert cure in str(caught.value)
    assert (caught.value.file, caught.value.key) == ("/srv/h/config.yaml", "agent.max_turns")
