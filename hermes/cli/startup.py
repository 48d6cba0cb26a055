"""What every program that runs the agent does first: the home, the configuration, the redactor, the logs."""

import logging
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from attrs import field, frozen

from hermes.config.environment import OVERRIDES
from hermes.config.load import Loaded, load
from hermes.config.notice import Notice
from hermes.config.schema import Settings
from hermes.config.tree import dotted
from hermes.errors import ConfigError
from hermes.home import Home, find_home, make_home
from hermes.logs import Logs, open_logs
from hermes.redact import Redactor, Unredacted

_log = logging.getLogger("hermes.config")


@frozen
class Startup:
    """What a program starts from."""

    home: Home
    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    """.env below the environment of the process: where models and adapters look up keys. Not for child processes."""
    redactor: Redactor
    """Knows the configured secrets; renewed ones are registered with it. Lets all pass where it is switched off."""
    logs: Logs
    notices: tuple[Notice, ...]
    """What is odd in the configuration; logged as warnings already."""

    def variable_above(self, key: str) -> str:
        """The variable that is set and stands above ``key`` of config.yaml; empty: none does."""
        above = (name for name, path in OVERRIDES.items() if dotted(path) == key and self.environment.get(name))
        return next(above, "")


@contextmanager
def start_up(
    *, gateway: bool, verbosity: int | None = 0, environ: Mapping[str, str] = os.environ
) -> Generator[Startup]:
    """Make the home, read its configuration, and log into it until the block ends.

    ``verbosity`` as in ``hermes.logs.open_logs``. Raises ``ConfigError`` before more than the home's folders is made;
    one that the block raises names the place of what is wrong.
    """
    home = find_home(environ)
    make_home(home)
    loaded = load(home, environ)
    redactor = Redactor(loaded.settings.secrets) if loaded.settings.security.redact_secrets else Unredacted()
    with open_logs(
        home.logs_dir,
        redact=redactor.redact,
        gateway=gateway,
        verbosity=verbosity,
        file_mode=home.file_mode,
        environ=environ,
    ) as logs:
        _tell(loaded)
        startup = Startup(home, loaded.settings, loaded.environment, redactor, logs, loaded.notices)
        with _naming_the_place(startup):
            yield startup


def _tell(loaded: Loaded) -> None:
    for notice in loaded.notices:
        _log.warning("%s", notice)


@contextmanager
def _naming_the_place(startup: Startup) -> Generator[None]:
    """A ``ConfigError`` that names only a key gets the file or the variable in which it is set."""
    try:
        yield
    except ConfigError as error:
        if error.file or not error.key:
            raise
        place = _place(startup, error.key)
        raise ConfigError(f"{place}: {error}", file=place, key=error.key) from error


def _place(startup: Startup, key: str) -> str:
    file = startup.home.env_file if key.isupper() else startup.home.config_file
    return startup.variable_above(key) or str(file)
