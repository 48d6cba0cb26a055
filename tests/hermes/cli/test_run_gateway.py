"""What `hermes gateway run` prints when it stands."""

from pathlib import Path

import pytest

from adapters.web.adapter import WebAdapter
from hermes.cli.attach import attach
from hermes.cli.run_gateway import _greeting as greeting
from hermes.cli.startup import start_up
from hermes.config.choice import OFFLINE

BOT = {"TELEGRAM_BOT_TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "TELEGRAM_ALLOWED_USERS": "1,2"}


@pytest.mark.parametrize("text", ["", "platforms: {web: {enabled: false}}"])
def test_without_a_page_nobody_is_sent_to_one(hermes_home: Path, text: str) -> None:
    (hermes_home / "config.yaml").write_text(text)
    with start_up(gateway=True, verbosity=None, environ={"HERMES_HOME": str(hermes_home), **BOT}) as startup:
        assert greeting(attach(startup), OFFLINE) == ["Hermes is running.", "Ctrl-C here ends it."]


def test_nobody_is_sent_to_a_port_that_is_not_listened_on(hermes_home: Path) -> None:
    with start_up(gateway=True, verbosity=None, environ={"HERMES_HOME": str(hermes_home)}) as startup:
        (page,) = attached = attach(startup)
        assert greeting(attached, OFFLINE) == ["Hermes is running.", "Ctrl-C here ends it."]
        assert isinstance(page.adapter, WebAdapter)
        page.adapter._port = 18642
        first, hint = greeting(attached, OFFLINE)
    assert first == "Hermes is running. Chat with it at http://127.0.0.1:18642/"
    assert hint.startswith('Type "help" there')
