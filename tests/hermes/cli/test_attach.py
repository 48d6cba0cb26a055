"""Which platforms a configuration turns on, and what each of them asks for."""

from pathlib import Path

import pytest

from adapters.misconfigured import Misconfigured
from adapters.telegram.adapter import TelegramAdapter
from adapters.web.adapter import WebAdapter
from hermes.cli.attach import attach
from hermes.cli.startup import start_up

BOT = {"TELEGRAM_BOT_TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"}
ONE = {**BOT, "TELEGRAM_ALLOWED_USERS": "1"}


def attached(home: Path, environment: dict[str, str]) -> dict[str, object]:
    with start_up(gateway=True, verbosity=None, environ={"HERMES_HOME": str(home), **environment}) as startup:
        return {each.adapter.name: each.adapter for each in attach(startup)}


def test_the_page_alone_without_a_bot(hermes_home: Path) -> None:
    assert set(attached(hermes_home, {})) == {"web"}


@pytest.mark.parametrize(
    ("environment", "page"),
    [
        (ONE, WebAdapter),
        (BOT, WebAdapter),
        ({**BOT, "TELEGRAM_ALLOWED_USERS": "1,2"}, Misconfigured),
        ({**BOT, "TELEGRAM_ALLOWED_USERS": "*"}, Misconfigured),
        ({**ONE, "TELEGRAM_GROUP_ALLOWED_USERS": "2"}, Misconfigured),
        ({**ONE, "TELEGRAM_GROUP_ALLOWED_CHATS": "-100"}, Misconfigured),
        ({**ONE, "TELEGRAM_GROUP_ALLOWED_CHATS": "-100", "API_SERVER_KEY": "a-long-key"}, WebAdapter),
    ],
)
def test_where_others_may_write_the_page_is_served_with_a_key_or_not_at_all(
    hermes_home: Path, environment: dict[str, str], page: type
) -> None:
    found = attached(hermes_home, environment)
    assert isinstance(found["telegram"], TelegramAdapter)
    assert isinstance(found["web"], page)
    if isinstance(found["web"], Misconfigured):
        assert "API_SERVER_KEY" in str(found["web"].error)


def test_the_page_knows_what_sets_its_place(hermes_home: Path) -> None:
    page = attached(hermes_home, {"API_SERVER_PORT": "18642"})["web"]
    assert isinstance(page, WebAdapter)
    assert (page._settings.host_key, page._settings.port_key) == ("platforms.web.extra.host", "API_SERVER_PORT")


def test_a_wrong_token_leaves_the_page_as_it_is(hermes_home: Path) -> None:
    found = attached(hermes_home, {"TELEGRAM_BOT_TOKEN": "nonsense"})
    assert isinstance(found["telegram"], Misconfigured)
    assert isinstance(found["web"], WebAdapter)
