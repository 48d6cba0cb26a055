"""Who is shown what."""

from attrs import define, field

from adapters.web.hub import MAX_DRAFTS, Hub
from adapters.web.protocol import Pong
from hermes.events import Draft, DraftState, Source
from tests.adapters.fakehost import draft


@define(eq=False)
class Viewer:
    frames: list[str] = field(factory=list)
    drafts: list[Draft] = field(factory=list)

    def push(self, text: str) -> None:
        self.frames.append(text)

    def push_draft(self, given: Draft) -> None:
        self.drafts.append(given)


def a_draft(chat: str, **more: object) -> Draft:
    return draft(Source("web", "local", chat), "s", "so far", **more)


def test_the_pages_of_a_chat_see_it_and_no_other_does() -> None:
    hub, one, two, other = Hub(), Viewer(), Viewer(), Viewer()
    for viewer, chat in ((one, "a"), (two, "a"), (other, "b")):
        hub.join(chat, viewer)
    hub.publish("a", Pong(1))
    hub.publish("a", Pong(2), but=one)
    hub.show(a_draft("a"))
    assert (len(one.frames), len(two.frames), other.frames) == (1, 2, [])
    assert (one.drafts, other.drafts) == ([a_draft("a")], [])


def test_a_page_that_left_sees_nothing_and_leaves_nothing() -> None:
    hub, viewer = Hub(), Viewer()
    hub.join("a", viewer)
    hub.leave("a", viewer)
    hub.leave("a", viewer)
    hub.publish("a", Pong(1))
    assert viewer.frames == []


def test_the_last_draft_of_a_running_turn_is_kept_until_its_end_or_its_answer() -> None:
    hub = Hub()
    hub.show(a_draft("a"))
    hub.show(a_draft("b"))
    assert hub.draft("a") == a_draft("a")
    hub.show(a_draft("a", state=DraftState.ENDED))
    hub.settle("b", "another turn")
    assert (hub.draft("a"), hub.draft("b")) == (None, a_draft("b"))
    hub.settle("b", "turn-1")
    assert hub.draft("b") is None


def test_drafts_whose_end_got_lost_are_bounded_and_the_oldest_goes_first() -> None:
    hub = Hub()
    for number in range(MAX_DRAFTS):
        hub.show(a_draft(f"chat-{number}"))
    hub.show(a_draft("chat-0"))
    hub.show(a_draft("new"))
    assert hub.draft("chat-0") is not None
    assert hub.draft("chat-1") is None
