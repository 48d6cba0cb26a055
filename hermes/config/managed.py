"""The guard of managed homes: who declares the configuration elsewhere does not want it changed here.

A change would be gone at the next rebuild, or differ from what was declared until then; so it is refused, and the
option to set instead is named.
"""

from hermes.errors import ConfigError
from hermes.home import Home

_MODULE = "services.hermes-agent.settings"
_REBUILD = {
    "nixos": "set {option} in configuration.nix and run `sudo nixos-rebuild switch`",
    "home-manager": "set {option} in your home configuration and run `home-manager switch`",
}


def refuse_if_managed(home: Home, change: str, key: str) -> None:
    """Raises ``ConfigError`` when the home is managed; ``change`` completes "cannot ...", ``key`` is dotted."""
    if not home.managed:
        return
    cure = _REBUILD.get(home.managed_by.lower(), "set {key} there").format(option=f"{_MODULE}.{key}", key=key)
    raise ConfigError(
        f"cannot {change}: {home.config_file} is managed by {home.managed_by}: {cure}",
        file=str(home.config_file),
        key=key,
    )
