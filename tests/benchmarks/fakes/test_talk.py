"""People who write at a steady pace, and what they would call lost, doubled or out of order."""

import pytest

from benchmarks.fakes.talk import MOST_OPEN, RUN, RUN_EVERY, SESSION, TOLD, Pace, Talk

REPETITION = "\u21bb Perhaps a repetition:\n"


class _One:
    """One person in chat 7; message ids count from 1, the bot's from 1000."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.talk = Talk(Pace(7, 1, 1.0), self._put)
        self.now = 10.0
        self._sent = 999

    def _put(self, chat: int, text: str) -> int:
        assert chat == 7
        self.texts.append(text)
        return len(self.texts)

    def speak(self, times: int = 1) -> None:
        for _ in range(times):
            self.talk.speak(7, self.now)

    def bot(self, text: str, replies_to: int = 0, message_id: int = 0) -> int:
        self._sent += 1
        self.now += 1.0
        self.talk.stands(7, message_id or self._sent, text, replies_to, self.now)
        return message_id or self._sent

    def told(self, name: str) -> object:
        return self.talk.told()[name]


@pytest.fixture
def one() -> _One:
    return _One()


def test_what_is_said_is_open_until_its_mark_stands_in_a_message_of_the_bot(one: _One) -> None:
    one.speak()
    assert one.texts == [f"hello [[t7.0]] {RUN}"]
    assert one.told("open") == ["[[t7.0]]"]
    one.bot("at work", replies_to=1)
    assert one.told("open") == ["[[t7.0]]"]
    one.bot(r"well: \[\[t7.0]]")
    assert (one.told("open"), one.told("answered"), one.told("answers"), one.told("said")) == ([], 1, [12.0], 1)


def test_a_person_does_not_wait_for_an_answer_but_says_no_more_than_so_many_things(one: _One) -> None:
    one.speak(MOST_OPEN + 2)
    assert len(one.texts) == MOST_OPEN
    one.bot("[[t7.0]]")
    one.speak(2)
    assert len(one.texts) == MOST_OPEN + 1


def test_how_much_a_person_leaves_open_is_settable() -> None:
    said: list[str] = []
    talk = Talk(Pace(7, 1, 1.0, most=1), lambda _chat, text: said.append(text) or len(said))
    talk.speak(7, 1.0)
    talk.speak(7, 2.0)
    assert len(said) == 1


def test_some_ask_for_a_tool(one: _One) -> None:
    for number in range(RUN_EVERY + 1):
        one.speak()
        one.bot(f"[[t7.{number}]]")
    assert [number for number, text in enumerate(one.texts) if RUN in text] == [0, RUN_EVERY]


def test_a_session_is_renewed_when_all_is_answered_and_nothing_is_said_meanwhile(one: _One) -> None:
    for number in range(SESSION):
        one.speak()
        if number < SESSION - 1:
            one.bot(f"[[t7.{number}]]")
    one.speak()
    assert "/new" not in one.texts
    one.bot(f"[[t7.{SESSION - 1}]]")
    one.speak(3)
    assert one.texts[SESSION:] == ["/new"]
    assert one.told("open") == ["/new"]
    one.bot("A new session begins.", replies_to=SESSION + 1)
    assert one.told("answered") == SESSION + 1
    assert len(one.talk.told()["answers"]) == SESSION, "a command is not answered by the model"  # type: ignore[arg-type]
    one.speak()
    assert one.texts[SESSION + 1] == f"hello [[t7.{SESSION + 1}]]"


@pytest.mark.parametrize("words", TOLD)
def test_who_is_told_that_there_is_no_answer_is_not_lost(one: _One, words: str) -> None:
    one.speak()
    one.bot(f"Well: {words}: so it is.", replies_to=1)
    assert (one.told("open"), one.told("answered"), one.told("told")) == ([], 0, [[10.0, 11.0, words]])


def test_such_a_word_about_another_message_tells_nothing_of_this_one(one: _One) -> None:
    one.speak()
    one.bot(TOLD[0], replies_to=99)
    assert one.told("open") == ["[[t7.0]]"]


def test_a_mark_in_two_messages_is_doubled_unless_one_says_so_or_is_an_edit(one: _One) -> None:
    one.speak()
    first = one.bot("[[t7.0]]")
    one.bot("now whole: [[t7.0]]", message_id=first)
    one.bot(f"{REPETITION}[[t7.0]]")
    assert (one.told("doubled"), one.told("marked")) == ([], 1)
    one.bot("[[t7.0]]")
    assert one.told("doubled") == ["[[t7.0]]"]


def test_a_command_that_is_answered_twice_is_doubled(one: _One) -> None:
    for number in range(SESSION):
        one.speak()
        one.bot(f"[[t7.{number}]]")
    one.speak()
    one.bot("A new session begins.", replies_to=SESSION + 1)
    one.bot("A new session begins.", replies_to=SESSION + 1)
    assert one.told("doubled") == ["/new"]


def test_what_is_answered_after_a_later_thing_is_out_of_order(one: _One) -> None:
    one.speak(3)
    one.bot("[[t7.0]]")
    one.bot("[[t7.2]]")
    assert one.told("out_of_order") == 0
    one.bot(TOLD[0], replies_to=2)
    assert one.told("out_of_order") == 1


def test_a_chat_that_is_not_of_the_talk_is_none_of_its_business(one: _One) -> None:
    one.speak()
    one.talk.stands(8, 1, "[[t7.0]]", 0, 1.0)
    assert one.told("open") == ["[[t7.0]]"]


def test_pauses_follow_from_the_seed() -> None:
    first, second, other = (Talk(Pace(1, 1, 2.0, seed), lambda _chat, _text: 1) for seed in (1, 1, 2))
    pauses = [first.pause() for _ in range(5)]
    assert pauses == [second.pause() for _ in range(5)]
    assert pauses != [other.pause() for _ in range(5)]
