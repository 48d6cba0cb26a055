"""What `hermes gateway run` prints when it stands."""

from pathlib import Path

import pytest

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
