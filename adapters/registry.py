"""Which module makes the adapter of which platform; a platform is imported only when the configuration names it."""

from importlib import import_module
from typing import cast

from adapters.contract import AdapterFactory
from hermes.errors import ConfigError

FACTORIES = {
    "telegram": "adapters.telegram.adapter:create",
    "web": "adapters.web.adapter:create",
}
"""Platform name, as in ``platforms.NAME``, to "module:factory". A factory takes the settings of its platform."""


def names() -> tuple[str, ...]:
    """Every platform that this program knows, sorted."""
    return tuple(sorted(FACTORIES))


def factory(name: str) -> AdapterFactory:
    """Import the platform ``name`` and return what makes its adapter.

    Raises ``ConfigError`` for a name that is not known, and for a platform whose library is not installed.
    """
    target = FACTORIES.get(name)
    if target is None:
        known = ", ".join(names())
        raise ConfigError(f"platforms.{name}: there is no such platform; known are {known}", key=f"platforms.{name}")
    module, _, attribute = target.partition(":")
    try:
        return cast(AdapterFactory, getattr(import_module(module), attribute))
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"platforms.{name}: the Python package {error.name} is not installed", key=f"platforms.{name}"
        ) from error
