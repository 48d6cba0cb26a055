"""What search engines are asked, and what their answers mean; shapes from their public documents."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.tools.web.providers import Hit, Provider, brave, provider, searxng, tavily
from hermes.tools.web.settings import WebSettings

SEARXNG = """{"query": "tea", "number_of_results": 0, "results": [
    {"url": "https://tea.test/", "title": "Tea", "content": "All about\\n tea.", "engine": "duckduckgo", "score": 1.0},
    {"url": "https://pots.test/", "title": "Pots"}], "answers": [], "suggestions": []}"""
TAVILY = """{"query": "tea", "answer": null, "images": [], "response_time": 1.1, "results": [
    {"title": "Tea", "url": "https://tea.test/", "content": "All about tea.", "score": 0.9, "raw_content": null},
    {"title": "Pots", "url": "https://pots.test/", "content": null, "score": 0.5}]}"""
BRAVE = """{"type": "search", "query": {"original": "tea"}, "web": {"type": "search", "results": [
    {"title": "Tea", "url": "https://tea.test/", "description": "All <strong>about</strong> tea&#46;", "age": "May 2"},
    {"title": "Pots", "url": "https://pots.test/"}]}}"""
HITS = (Hit("Tea", "https://tea.test/", "All about tea."), Hit("Pots", "https://pots.test/", ""))


@pytest.mark.parametrize(
    ("engine", "answer"), [(searxng("http://x"), SEARXNG), (tavily("k"), TAVILY), (brave("k"), BRAVE)]
)
def test_the_hits_of_each_engine_are_read(engine: Provider, answer: str) -> None:
    assert engine.hits(json.loads(answer)) == HITS


def test_each_engine_is_asked_as_its_documents_say() -> None:
    for base in ("http://x", "http://x/", "http://x/search"):
        question = searxng(base).ask("tea", 5)
        assert (question.method, question.url) == ("GET", "http://x/search")
        assert question.parameters == {"q": "tea", "format": "json"}
    question = tavily("key1").ask("tea", 5)
    assert (question.method, question.parameters) == ("POST", {"query": "tea", "max_results": 5})
    assert question.headers == {"Authorization": "Bearer key1"}
    question = brave("key2").ask("tea", 5)
    assert (question.method, question.parameters) == ("GET", {"q": "tea", "count": 5})
    assert question.headers == {"X-Subscription-Token": "key2"}


def test_ones_own_engine_is_asked_before_those_that_are_paid_for() -> None:
    def name(**settings: str) -> str:
        engine = provider(WebSettings(**settings))
        return engine.name if engine else ""

    assert name(searxng_url="http://x", brave_key="k", tavily_key="k") == "SearXNG"
    assert name(brave_key="k", tavily_key="k") == "Tavily"
    assert name(brave_key="k") == "Brave"
    assert name() == ""
    assert not WebSettings().searches
    assert WebSettings(brave_key="k").searches


@pytest.mark.parametrize(
    "one", [None, 1, "x", [], {}, {"url": "javascript:alert(1)"}, {"url": None}, {"url": ["https://x"]}]
)
def test_a_hit_that_is_none_is_left_out(one: object) -> None:
    assert searxng("http://x").hits({"results": [one, {"url": "https://x", "title": 3}]}) == (Hit("", "https://x", ""),)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["web", "results", "url", "title", "content", "description"]), inner)
    ),
    max_leaves=10,
)


@given(_JSON)
def test_no_answer_is_an_error(answer: object) -> None:
    for engine in (searxng("http://x"), tavily("k"), brave("k")):
        engine.hits(answer)
