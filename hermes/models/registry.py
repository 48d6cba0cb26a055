"""From the name of a provider to its model. A provider is imported when it is configured, and not before."""

from collections.abc import Callable, Mapping

from hermes.config.schema import Settings
from hermes.errors import ConfigError
from hermes.models.contract import ChatModel


def _offline(_: Settings) -> ChatModel:
    from hermes.models.offline import OfflineModel

    return OfflineModel()


_PROVIDERS: Mapping[str, Callable[[Settings], ChatModel]] = {"offline": _offline}


def open_model(settings: Settings) -> ChatModel:
    """The model that ``model.provider`` names. Opens no connection.

    Raises ``ConfigError`` when there is no such provider.
    """
    make = _PROVIDERS.get(settings.model.provider)
    if make is None:
        known = ", ".join(sorted(_PROVIDERS))
        raise ConfigError(
            f"model.provider is {settings.model.provider!r}: providers other than {known} are not built yet. "
            "Set model.provider to offline, or leave `model` out of config.yaml",
            key="model.provider",
        )
    return make(settings)
