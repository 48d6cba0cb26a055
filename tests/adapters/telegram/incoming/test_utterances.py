"""Albums and texts that were cut become one turn, and nothing else waits for them."""

from typing import Any

import pytest

from adapters.telegram.incoming.events import Filed
from adapters.telegram.incoming.utterances import ALBUM_WITHIN, LONG, MOST, REST_WITHIN, Part, Utterances
from hermes.events import Inbound
from tests.adapters.telegram.botapi import OWNER, BotApi
from tests.adapters.telegram.incoming.test_events import GROUP, MENTION, reader

HERE = ("c", "", "u")


def test_an_ordinary_message_waits_for_nothing() -> None:
    utterances = Utterances()
    assert utterances.text(HERE, 1, 0.0, 20) == Part()
    assert utterances.text(HERE, 2, 0.0, LONG - 1) == Part()
    assert utterances.text(HERE, 3, 0.0, 20) == Part()


def test_what_follows_a_long_text_at_once_is_the_rest_of_it() -> None:
    utterances = Utterances()
    first = utterances.text(HERE, 1, 10.0, 4096)
    assert first.more_within == REST_WITHIN
    assert utterances.text(HERE, 2, 10.0, 4000) == first
    assert utterances.text(HERE, 3, 11.0, 20) == Part(first.utterance)
    assert utterances.text(HERE, 4, 11.0, 20) == Part()


@pytest.mark.parametrize(("place", "sent_at"), [(HERE, 20.0), (("c", "", "other"), 10.0), (("c2", "", "u"), 10.0)])
def test_what_comes_later_or_from_somebody_else_is_not(place: tuple[str, str, str], sent_at: float) -> None:
    utterances = Utterances()
    utterances.text(HERE, 1, 10.0, 4096)
    assert utterances.text(place, 2, sent_at, 20) == Part()


def test_a_message_that_is_handed_over_again_is_the_same_part() -> None:
    utterances = Utterances()
    first = utterances.text(HERE, 1, 10.0, 4096)
    assert utterances.text(HERE, 1, 10.0, 4096) == first
    rest = utterances.text(HERE, 2, 10.0, 20)
    assert utterances.text(HERE, 2, 10.0, 20) == rest


def test_what_is_remembered_is_bounded() -> None:
    utterances = Utterances()
    for number in range(2 * MOST):
        part = utterances.text((str(number), "", "u"), 1, 0.0, 4096)
        utterances.remember_meant(part)
    assert len(utterances._texts) == len(utterances._meant) == MOST


PHOTO = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]


def test_parts_of_an_album_share_an_utterance_and_the_name_of_the_bot() -> None:
    api, hearing = BotApi(), reader()

    def heard(**more: Any) -> Any:
        message = api.message(None, GROUP, OWNER, photo=PHOTO, media_group_id="77", **more)
        return hearing.read({"update_id": 1, "message": message})

    first = heard(caption="@hermes_bot look", caption_entities=MENTION["entities"])
    assert isinstance(first, Filed)
    assert (first.event.utterance, first.wanted.rest_within) == ("album:77", ALBUM_WITHIN)
    second = heard()
    assert isinstance(second, Filed)
    assert second.event.utterance == "album:77"


def test_an_edit_and_a_command_are_no_parts() -> None:
    api, hearing = BotApi(), reader()
    edited = hearing.read({"update_id": 1, "edited_message": api.message("x" * 4096, edit_date=5)})
    assert isinstance(edited, Inbound)
    assert edited.utterance == ""
    command = hearing.read({"update_id": 1, "message": api.message("/model " + "x" * 4000)})
    assert isinstance(command, Inbound)
    assert command.utterance == ""
