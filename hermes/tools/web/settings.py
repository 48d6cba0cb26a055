"""What the configuration says of the web."""

from attrs import field, frozen

from hermes.tools.web.blocklist import Blocklist


@frozen
class WebSettings:
    """Plain values: nothing here may import what only the tools need."""

    allowed_hosts: tuple[str, ...] = ()
    """web.allowed_hosts: names, addresses and networks that may be reached although they are not public."""
    blocked: Blocklist = field(factory=Blocklist)
    """security.website_blocklist: what may not be reached, whatever else says so."""
    searxng_url: str = ""
    """SEARXNG_URL."""
    brave_key: str = field(default="", repr=False)
    """BRAVE_SEARCH_API_KEY."""
    tavily_key: str = field(default="", repr=False)
    """TAVILY_API_KEY."""

    @property
    def searches(self) -> bool:
        """Whether there is anything to search with."""
        return bool(self.searxng_url or self.brave_key or self.tavily_key)
