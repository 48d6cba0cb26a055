"""What every program that runs the agent does first: the home, the configuration, the redactor, the logs."""

import logging
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from attrs import field, frozen

from hermes.config.load import Loaded, load
from hermes.config.notice import Notice
from hermes.config.schema import Settings
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


@contextmanager
def start_up(
    *, gateway: bool, verbosity: int | None = 0, environ: Mapping[str, str] = os.environ
) -> Generator[Startup]:
    """Make the home, read its configuration, and log into it until the block ends.

    ``verbosity`` as in ``hermes.logs.open_logs``. Raises ``ConfigError`` before more than the home's folders is made.
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
        yield Startup(home, loaded.settings, loaded.environment, redactor, logs, loaded.notices)


def _tell(loaded: Loaded) -> None:
    for notice in loaded.notices:
        _log.warning("%s", notice)
