"""What each search engine is asked, and what its answer means. Pure.

SearXNG: docs.searxng.org, "Search API". Brave: api-dashboard.search.brave.com, "Web Search". Tavily: docs.tavily.com,
"Tavily Search". An answer that lacks what is expected has no hits; it is never an error.
"""

import html
import re
from collections.abc import Callable, Mapping
from typing import cast

from attrs import frozen

from hermes.tools.web.settings import WebSettings

# What Brave gives at most in one answer.
MOST_HITS = 20

_TAG = re.compile(r"</?[a-zA-Z][^>]{0,200}>")


@frozen
class Hit:
    """One result."""

    title: str
    url: str
    snippet: str


@frozen
class Question:
    """One HTTP request."""

    method: str
    url: str
    parameters: Mapping[str, str | int]
    """Of the query for GET, of a JSON body for POST."""
    headers: Mapping[str, str]


@frozen
class Provider:
    """One search engine."""

    name: str
    setting: str
    """The variable that turned it on, for a person to mend."""
    ask: Callable[[str, int], Question]
    path: tuple[str, ...]
    """Where the list of hits lies in the answer."""
    snippet: str
    """The key of a hit's text."""

    def hits(self, answer: object) -> tuple[Hit, ...]:
        """The hits of an answer, which is decoded JSON."""
        for key in self.path:
            answer = cast("Mapping[str, object]", answer).get(key) if isinstance(answer, Mapping) else None
        found = cast("list[object]", answer) if isinstance(answer, list) else []
        return tuple(hit for hit in map(self._hit, found) if hit is not None)

    def _hit(self, one: object) -> Hit | None:
        if not isinstance(one, Mapping):
            return None
        fields = cast("Mapping[str, object]", one)
        url = str(fields.get("url") or "")
        if not url.startswith(("http://", "https://")):
            return None
        return Hit(_plain(fields.get("title")), "".join(url.split()), _plain(fields.get(self.snippet)))


def provider(settings: WebSettings) -> Provider | None:
    """The one that is configured: one's own SearXNG before those that are paid for."""
    if settings.searxng_url:
        return searxng(settings.searxng_url)
    if settings.tavily_key:
        return tavily(settings.tavily_key)
    return brave(settings.brave_key) if settings.brave_key else None


def searxng(base: str) -> Provider:
    url = base.rstrip("/").removesuffix("/search") + "/search"

    def ask(query: str, limit: int) -> Question:
        return Question("GET", url, {"q": query, "format": "json"}, {})

    return Provider("SearXNG", "SEARXNG_URL", ask, ("results",), "content")


def tavily(key: str, url: str = "https://api.tavily.com/search") -> Provider:
    def ask(query: str, limit: int) -> Question:
        return Question("POST", url, {"query": query, "max_results": limit}, {"Authorization": f"Bearer {key}"})

    return Provider("Tavily", "TAVILY_API_KEY", ask, ("results",), "content")


def brave(key: str, url: str = "https://api.search.brave.com/res/v1/web/search") -> Provider:
    def ask(query: str, limit: int) -> Question:
        return Question("GET", url, {"q": query, "count": limit}, {"X-Subscription-Token": key})

    return Provider("Brave", "BRAVE_SEARCH_API_KEY", ask, ("web", "results"), "description")


def _plain(value: object) -> str:
    """One line of text; engines mark what they found with tags."""
    text = html.unescape(_TAG.sub("", value)) if isinstance(value, str) else ""
    return " ".join(text.split())
