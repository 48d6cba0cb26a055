"""From updates to events: who is heard, what is said, and that nothing a server sends can do harm."""

import re
import time
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot

from adapters.telegram.incoming import events
from adapters.telegram.incoming.access import Me
from adapters.telegram.incoming.events import Dropped, Filed, Press, Reader, button_data, chat_of, update_id
from adapters.telegram.settings import Access, Ids, TelegramSettings
from adapters.telegram.way.wire import Route, Wire
from hermes.events import ChatType, Inbound, InboundKind
from tests.adapters.telegram.botapi import OWNER, BotApi
from tests.adapters.telegram.methods import TOKEN

GROUP = -1001234
ME = Me(110201543, "hermes_bot")


def reader(access: Access | None = None, **changes: Any) -> Reader:
    wire = Wire(Route("http://127.0.0.1:1/bot"))
    bot = Bot(TOKEN, request=wire, get_updates_request=wire)
    access = access or Access(users=Ids(frozenset({str(OWNER)})))
    return Reader(TelegramSettings(TOKEN, "110201543", access=access, **changes), bot, ME)


def heard(update: dict[str, Any], access: Access | None = None, **changes: Any) -> Inbound:
    found = reader(access, **changes).read({"update_id": 7, **update})
    event = found.event if isinstance(found, Filed) else found
    assert isinstance(event, Inbound), found
    return event


def dropped(update: Any, access: Access | None = None) -> Dropped:
    found = reader(access).read(update)
    assert isinstance(found, Dropped), found
    return found


def said(text: str | None = "hello", chat: int = OWNER, user: int = OWNER, **more: Any) -> dict[str, Any]:
    return {"message": BotApi().message(text, chat, user, **more)}


def test_a_private_message_is_an_event_of_its_chat() -> None:
    event = heard(said("hello"))
    assert (event.event_id, event.text, event.kind, event.message_id) == ("7", "hello", InboundKind.MESSAGE, "1")
    assert event.session_key == f"agent:main:telegram:dm:{OWNER}"
    assert (event.source.account, event.source.user_id, event.source.user_name) == (
        "bot110201543",
        str(OWNER),
        f"User{OWNER}",
    )


def test_an_edit_is_an_event_of_its_own() -> None:
    message = BotApi().message("hello again", edit_date=1_790_000_005)
    event = heard({"edited_message": message})
    assert (event.kind, event.message_id, event.edited_at) == (InboundKind.EDIT, "1", 1_790_000_005.0)


def test_an_edit_that_nobody_can_have_made_is_dropped() -> None:
    """A reaction to an old message comes as an edit of it."""
    message = BotApi().message("delete it all", date=1_790_000_000, edit_date=1_790_000_000 + 48 * 3600 + 1)
    assert "nobody made" in dropped({"update_id": 1, "edited_message": message}).rule
    heard({"edited_message": message | {"edit_date": 1_790_000_000 + 48 * 3600}})
    untold = BotApi().message("delete it all", date=int(time.time()) - 49 * 3600)
    assert "nobody made" in dropped({"update_id": 1, "edited_message": untold}).rule
    heard({"edited_message": untold | {"date": int(time.time())}})


def test_a_place_that_is_shared_while_it_moves_is_told_once() -> None:
    place = {"location": {"latitude": 1.5, "longitude": 2.5, "live_period": 900}}
    assert "a location" in heard(said(None, **place)).text
    moved = BotApi().message(None, **place, edit_date=1_790_000_005)
    assert "nobody made" in dropped({"update_id": 1, "edited_message": moved}).rule


def test_an_edit_that_changes_nothing_reads_as_the_message_did() -> None:
    for size in (5, 30_000_000):
        message = BotApi().message(None, caption="look", document={**FILE, "file_size": size})
        before, after = heard({"message": message}), heard({"edited_message": message | {"edit_date": 1_790_000_005}})
        assert before.text == after.text


@pytest.mark.parametrize("user", [1, OWNER + 1])
def test_strangers_are_dropped_and_named(user: int) -> None:
    found = dropped({"update_id": 1, **said(user=user, chat=user)})
    assert found.stranger == f"{user} (User{user})"


def test_nobody_is_heard_without_a_list() -> None:
    assert "may not write" in dropped({"update_id": 1, **said()}, Access()).rule


def test_another_bot_is_never_heard() -> None:
    update = said()
    update["message"]["from"]["is_bot"] = True
    assert "may not write" in dropped({"update_id": 1, **update}, Access(users=Ids(everybody=True))).rule


MENTION = {"entities": [{"type": "mention", "offset": 0, "length": 11}]}
TO_THE_BOT = {"reply_to_message": {"message_id": 1, "date": 1, "chat": {"id": GROUP, "type": "supergroup"},
              "from": {"id": ME.id, "is_bot": True, "first_name": "Hermes"}, "text": "What I said"}}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "more", "rest"),
    [
        ("@Hermes_Bot, what is it?", MENTION, "what is it?"),
        ("@hermes_bot /status", MENTION, "/status"),
        ("and now?", TO_THE_BOT, "[In reply to Hermes: What I said]\nand now?"),
        ("/status", {}, "/status"),
        ("/status@hermes_bot", {}, "/status@hermes_bot"),
    ],
)
def test_in_a_group_what_names_or_answers_the_bot_is_for_it(text: str, more: dict[str, Any], rest: str) -> None:
    event = heard(said(text, GROUP, **more))
    assert event.text == rest
    assert event.session_key == f"agent:main:telegram:group:{GROUP}:{OWNER}"
    assert event.source.chat_type is ChatType.GROUP


@pytest.mark.parametrize("text", ["hello all", "@other_bot do it", "/status@other_bot", "/etc/hosts is odd"])
def test_in_a_group_the_rest_is_not(text: str) -> None:
    assert "not meant" in dropped({"update_id": 1, **said(text, GROUP)}).rule


def test_a_group_can_be_free_of_mentions() -> None:
    access = Access(users=Ids(frozenset({str(OWNER)})), free_chats=Ids(frozenset({str(GROUP)})))
    assert heard(said("hello all", GROUP), access).text == "hello all"
    access = evolve(access, free_chats=Ids(), require_mention=False)
    assert heard(said("hello all", GROUP), access).text == "hello all"


def test_lists_for_groups_hold_in_groups_alone() -> None:
    access = Access(group_users=Ids(frozenset({"5"})), require_mention=False)
    assert heard(said("hi", GROUP, 5), access).source.user_id == "5"
    assert "may not" in dropped({"update_id": 1, **said("hi", 5, 5)}, access).rule
    access = Access(group_chats=Ids(frozenset({str(GROUP)})), require_mention=False)
    assert heard(said("hi", GROUP, 6), access).source.user_id == "6"
    assert "may not" in dropped({"update_id": 1, **said("hi", 6, 6)}, access).rule


def test_a_topic_is_a_session_that_all_share() -> None:
    topic = {"message_thread_id": 33, "is_topic_message": True}
    event = heard(said("/status", GROUP, **topic))
    assert event.session_key == f"agent:main:telegram:group:{GROUP}:33"
    assert event.source.thread_id == "33"
    event = heard(said("@hermes_bot hi", GROUP, **topic, **MENTION))
    assert event.text == f"User{OWNER}: hi"
    event = heard(said("/status", GROUP, **topic), thread_sessions_per_user=True)
    assert event.session_key == f"agent:main:telegram:group:{GROUP}:33:{OWNER}"


def test_a_thread_of_replies_is_no_topic() -> None:
    assert heard(said("/status", GROUP, message_thread_id=33)).source.thread_id == ""


def test_a_group_can_share_one_session_and_then_tells_who_speaks() -> None:
    event = heard(said("@hermes_bot hi", GROUP, **MENTION), group_sessions_per_user=False)
    assert event.session_key == f"agent:main:telegram:group:{GROUP}"
    assert event.text == f"User{OWNER}: hi"


def test_an_ignored_topic_is_ignored() -> None:
    access = Access(users=Ids(everybody=True), ignored_threads=Ids(frozenset({"33"})))
    topic = {"message_thread_id": 33, "is_topic_message": True}
    assert "not meant" in dropped({"update_id": 1, **said("/status", GROUP, **topic)}, access).rule


def test_the_topic_that_has_no_number_on_the_wire_is_ignored_by_that_of_its_links() -> None:
    access = Access(users=Ids(everybody=True), ignored_threads=Ids(frozenset({"1"})))
    general = said("/status", GROUP)
    general["message"]["chat"]["is_forum"] = True
    assert "not meant" in dropped({"update_id": 1, **general}, access).rule
    heard({"message": general["message"] | {"message_thread_id": 33, "is_topic_message": True}}, access)
    heard(said("/status", GROUP), access)


def test_a_press_names_its_question_and_its_choice() -> None:
    message = BotApi().message("Allow it?")
    query = {"id": "q1", "from": {"id": OWNER, "is_bot": False, "first_name": "Ada"}, "chat_instance": "x"}
    found = reader().read({"update_id": 3, "callback_query": {**query, "message": message, "data": "ab12:2"}})
    assert isinstance(found, Press)
    assert (found.event.ask_id, found.choice, found.query_id, found.event.event_id) == ("ab12", 2, "q1", "3")
    assert found.event.kind is InboundKind.ANSWER
    for data in ("", "x", "ab12:", ":1", "ab12:x"):
        found = reader().read({"update_id": 3, "callback_query": {**query, "message": message, "data": data}})
        assert isinstance(found, Dropped)


def test_a_press_of_a_stranger_is_dropped() -> None:
    message = BotApi().message("Allow it?")
    query = {"id": "q1", "from": {"id": 5, "is_bot": False, "first_name": "Eve"}, "chat_instance": "x"}
    found = dropped({"update_id": 3, "callback_query": {**query, "message": message, "data": "a:1"}})
    assert ("may not" in found.rule, found.query_id) == (True, "q1")


def test_what_is_quoted_from_another_chat_is_told() -> None:
    origin = {"type": "channel", "date": 1_790_000_000, "message_id": 5, "chat": {"id": -100, "type": "channel"}}
    quote = {"external_reply": {"origin": origin}, "quote": {"text": "the sky\nis green", "position": 0}}
    assert heard(said("is it?", **quote)).text == "[In reply to an earlier message: the sky is green]\nis it?"
    assert heard(said("is it?", external_reply={"origin": origin})).text == "is it?"


@pytest.mark.parametrize(
    ("text", "left"),
    [("@hermes_bot_2 hi", "@hermes_bot_2 hi"), ("@hermes_bot: hi", "hi"), ("@Hermes_Bot /new", "/new")],
)
def test_the_name_that_a_message_begins_with_is_taken_off_and_no_longer_one(text: str, left: str) -> None:
    assert heard(said(text)).text == left


def test_a_question_that_quotes_what_cannot_be_read_can_be_answered() -> None:
    odd = BotApi().message(None, dice={"sides": 20})
    message = BotApi().message("Allow it?", reply_to_message=odd)
    query = {"id": "q1", "from": {"id": OWNER, "is_bot": False, "first_name": "Ada"}, "chat_instance": "x"}
    found = reader().read({"update_id": 3, "callback_query": {**query, "message": message, "data": "ab12:2"}})
    assert isinstance(found, Press), found
    assert (found.event.ask_id, found.choice, found.query_id) == ("ab12", 2, "q1")


def test_what_a_button_carries_fits() -> None:
    assert len(button_data("f" * 32, 99).encode()) <= 64


LOCATION = {"longitude": 16.3, "latitude": 48.2}
FILE = {"file_id": "f", "file_unique_id": "u"}

CONTENTS = {
    "photo": [{**FILE, "width": 1, "height": 1}],
    "document": {**FILE, "file_name": "a.pdf"},
    "voice": {**FILE, "duration": 2},
    "video": {**FILE, "width": 1, "height": 1, "duration": 2},
    "video_note": {**FILE, "length": 1, "duration": 2},
    "audio": {**FILE, "duration": 2},
    "animation": {**FILE, "width": 1, "height": 1, "duration": 2},
    "sticker": {**FILE, "type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False},
    "location": LOCATION,
    "venue": {"location": LOCATION, "title": "Cafe", "address": "Ring 1"},
    "contact": {"phone_number": "1", "first_name": "Bob"},
    "dice": {"emoji": "x", "value": 3},
    "poll": {
        "id": "1", "question": "Tea?", "options": [{"persistent_id": "1", "text": "yes", "voter_count": 0}],
        "total_voter_count": 0, "is_closed": False, "is_anonymous": True, "type": "regular",
        "allows_multiple_answers": False, "allows_revoting": False, "members_only": False,
    },
    "story": {"chat": {"id": 1, "type": "private"}, "id": 1},
    "game": {"title": "g", "description": "d", "photo": [{**FILE, "width": 1, "height": 1}]},
    "invoice": {"title": "t", "description": "d", "start_parameter": "s", "currency": "EUR", "total_amount": 1},
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(CONTENTS))
def test_content_that_is_no_text_becomes_a_line(kind: str) -> None:
    event = heard(said(None, **{kind: CONTENTS[kind]}))
    assert event.text.startswith("[a")
    event = heard(said(None, **{kind: CONTENTS[kind]}, caption="look"))
    assert event.text.endswith("look")


SERVICE = {
    "new_chat_members": [{"id": 5, "is_bot": False, "first_name": "Bob"}],
    "left_chat_member": {"id": 5, "is_bot": False, "first_name": "Bob"},
    "new_chat_title": "T",
    "new_chat_photo": [{**FILE, "width": 1, "height": 1}],
    "delete_chat_photo": True,
    "group_chat_created": True,
    "pinned_message": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}},
    "message_auto_delete_timer_changed": {"message_auto_delete_time": 5},
    "forum_topic_created": {"name": "T", "icon_color": 1},
    "video_chat_started": {},
    "migrate_to_chat_id": -1005,
    "users_shared": {"request_id": 1, "users": []},
    "write_access_allowed": {},
    "boost_added": {"boost_count": 1},
}


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
@pytest.mark.parametrize("kind", sorted(SERVICE))
def test_what_nobody_said_is_no_message(kind: str) -> None:
    assert "nobody said" in dropped({"update_id": 1, **said(None, **{kind: SERVICE[kind]})}).rule


PERSON = {"id": OWNER, "is_bot": False, "first_name": "Ada"}
CHAT = {"id": OWNER, "type": "private"}

OTHERS: dict[str, Any] = {
    "business_connection": {"id": "1", "user": PERSON, "user_chat_id": 1, "date": 1, "is_enabled": True},
    "business_message": {"message_id": 1, "date": 1, "chat": CHAT, "from": PERSON, "text": "hi"},
    "edited_business_message": {"message_id": 1, "date": 1, "chat": CHAT, "from": PERSON, "text": "hi"},
    "deleted_business_messages": {"business_connection_id": "1", "chat": CHAT, "message_ids": [1]},
    "message_reaction": {"chat": CHAT, "message_id": 1, "user": PERSON, "date": 1, "old_reaction": [],
                         "new_reaction": []},
    "message_reaction_count": {"chat": CHAT, "message_id": 1, "date": 1, "reactions": []},
    "inline_query": {"id": "1", "from": PERSON, "query": "x", "offset": ""},
    "chosen_inline_result": {"result_id": "1", "from": PERSON, "query": "x"},
    "shipping_query": {"id": "1", "from": PERSON, "invoice_payload": "x", "shipping_address": {
        "country_code": "AT", "state": "", "city": "Wien", "street_line1": "", "street_line2": "", "post_code": ""}},
    "pre_checkout_query": {"id": "1", "from": PERSON, "currency": "EUR", "total_amount": 1, "invoice_payload": "x"},
    "purchased_paid_media": {"from": PERSON, "paid_media_payload": "x"},
    "poll": CONTENTS["poll"],
    "poll_answer": {"poll_id": "1", "user": PERSON, "option_ids": [0], "option_persistent_ids": ["1"]},
    "my_chat_member": {"chat": CHAT, "from": PERSON, "date": 1, "old_chat_member": {"status": "member",
                       "user": PERSON}, "new_chat_member": {"status": "left", "user": PERSON}},
    "chat_member": {"chat": CHAT, "from": PERSON, "date": 1, "old_chat_member": {"status": "member", "user": PERSON},
                    "new_chat_member": {"status": "left", "user": PERSON}},
    "chat_join_request": {"chat": CHAT, "from": PERSON, "user_chat_id": 1, "date": 1},
    "chat_boost": {"chat": CHAT, "boost": {"boost_id": "1", "add_date": 1, "expiration_date": 2,
                   "source": {"source": "premium", "user": PERSON}}},
    "removed_chat_boost": {"chat": CHAT, "boost_id": "1", "remove_date": 1,
                           "source": {"source": "premium", "user": PERSON}},
    "a_kind_of_tomorrow": {"text": "hi"},
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_every_other_kind_of_update_is_left_by_a_rule(kind: str) -> None:
    assert dropped({"update_id": 1, kind: OTHERS[kind]}).rule == "this kind of update is not used"


def test_a_message_whose_rest_cannot_be_read_is_answered_by_its_text() -> None:
    event = heard(said("hello", reply_to_message={"odd": 1}, poll=7))
    assert event.text == "hello"
    event = heard(said(None, poll={"question": "of an older server"}))
    assert event.text == "[poll, which cannot be read here]"
    found = dropped({"update_id": 1, **said(None, pinned_message=7)})
    assert "cannot be read" in found.rule
    assert re.fullmatch(r"\w+Error at \w+\.py:\d+", found.unreadable)
    assert "may not" in dropped({"update_id": 1, **said("hello", user=5, poll=7)}).rule


def test_a_post_of_a_channel_is_heard_where_the_channel_is_named() -> None:
    post = {"message_id": 1, "date": 1, "chat": {"id": GROUP, "type": "channel", "title": "C"}, "text": "news",
            "sender_chat": {"id": GROUP, "type": "channel", "title": "C"}}  # fmt: skip
    assert "may not" in dropped({"update_id": 1, "channel_post": post}, Access(users=Ids(everybody=True))).rule
    access = Access(group_chats=Ids(frozenset({str(GROUP)})), require_mention=False)
    event = heard({"channel_post": post}, access)
    assert event.session_key == f"agent:main:telegram:channel:{GROUP}"


def test_unknown_fields_change_nothing() -> None:
    update = said("hello", tomorrow={"x": [1]})
    update["message"]["from"]["tomorrow"] = True
    assert heard(update).text == "hello"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_anything_is_read_without_harm(value: Any) -> None:
    assert isinstance(reader().read(value), Dropped)
    assert update_id(value) is None or isinstance(value, dict)


@given(st.sampled_from(["message", "edited_message", "callback_query", "channel_post", *OTHERS]), JSON)
def test_any_content_of_any_kind_is_read_without_harm(kind: str, value: Any) -> None:
    assert isinstance(reader().read({"update_id": 1, kind: value}), Dropped | Inbound | Filed | Press)


FIELDS = sorted({*CONTENTS, *SERVICE, "text", "caption", "from", "chat", "date", "message_id", "entities",
                 "reply_to_message", "quote", "sender_chat", "message_thread_id", "is_topic_message"})  # fmt: skip


@given(st.sampled_from(FIELDS), JSON)
def test_a_message_with_any_field_of_any_shape_is_read_without_harm(field: str, value: Any) -> None:
    update = said("hello")
    update["message"][field] = value
    found = reader().read({"update_id": 1, **update})
    assert isinstance(found, Dropped | Inbound | Filed)
    assert isinstance(chat_of(found), str)


def test_a_fault_of_ours_is_named_without_a_word_of_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret text")

    monkeypatch.setattr(events, "source_of", broken)
    found = dropped({"update_id": 1, **said("a secret text")})
    assert found.unreadable.startswith("ZeroDivisionError at test_events.py:")
    assert "secret" not in repr(found)


def test_what_is_dropped_by_a_rule_was_read() -> None:
    assert dropped({"update_id": 1, "something_new": {}}).unreadable == ""
