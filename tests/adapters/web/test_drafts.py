"""Deltas add up to the drafts that they were made from, whatever was skipped."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.web.drafts import DraftDeltas, units
from hermes.events import Draft, DraftState, Source
from tests.adapters.fakehost import draft

SOURCE = Source("web", "local", "main")

texts = st.text(alphabet=st.sampled_from(["a", "b", "\u00e9", "\u20ac", "\U0001f600", "\U0001f642", "\n"]), max_size=12)


def a_draft(text: str, turn: str = "turn-1") -> Draft:
    return draft(SOURCE, "s", text, turn_id=turn)


class PageStrings:
    """What the page does with deltas, in UTF-16 as its strings are."""

    def __init__(self) -> None:
        self.turn, self.kept = "", b""

    def apply(self, deltas: DraftDeltas, given_draft: Draft) -> str:
        delta = deltas.step(given_draft)
        if delta.turn_id != self.turn:
            self.turn, self.kept = delta.turn_id, b""
        assert 2 * delta.offset <= len(self.kept)
        self.kept = self.kept[: 2 * delta.offset] + delta.text.encode("utf-16-le")
        return self.kept.decode("utf-16-le")


@given(st.lists(st.tuples(texts, st.sampled_from(["turn-1", "turn-2"]), st.booleans()), max_size=20))
def test_a_page_that_applies_each_delta_holds_the_text_of_the_last_draft(steps: list[tuple[str, str, bool]]) -> None:
    deltas, page = DraftDeltas(), PageStrings()
    for text, turn, drawn_anew in steps:
        if drawn_anew:
            deltas.reset()
        assert page.apply(deltas, a_draft(text, turn)) == text


@given(st.lists(texts, max_size=20))
def test_a_growing_text_is_sent_once(parts: list[str]) -> None:
    deltas, sent, text = DraftDeltas(), "", ""
    for part in parts:
        text += part
        sent += deltas.step(a_draft(text)).text
    assert sent == text


def test_the_state_and_the_tool_are_sent_whole_each_time() -> None:
    deltas = DraftDeltas()
    deltas.step(a_draft("so far"))
    delta = deltas.step(draft(SOURCE, "s", "so far", state=DraftState.TOOL, tool="ls"))
    assert (delta.text, delta.offset, delta.state, delta.tool) == ("", 6, "tool", "ls")


def test_lengths_count_as_the_page_counts_them() -> None:
    assert units("a\u00e9\U0001f600") == 4
