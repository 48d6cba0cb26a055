"""The parts of ``hermes.config.schema`` that variables of the environment set, and no key of config.yaml."""

from attrs import field, frozen

from hermes.config.fields import only_env, positive


@frozen
class ApiServer:
    """The HTTP interface beside the page, on the page's address."""

    enabled: bool = field(
        default=False, metadata=only_env("API_SERVER_ENABLED", "serve the HTTP interface; on when a key is set")
    )
    key: str = field(
        default="",
        repr=False,
        metadata=only_env("API_SERVER_KEY", "key that clients of the page and the interface must show"),
    )
    model_name: str = field(
        default="hermes-agent",
        metadata=only_env("API_SERVER_MODEL_NAME", "name under which clients of the interface find the agent"),
    )
    cors_origins: str = field(
        default="",
        metadata=only_env(
            "API_SERVER_CORS_ORIGINS",
            "origins of web pages that may use the interface, separated by commas; `*`: any, where a key is set",
        ),
    )
    max_runs: int = field(
        default=10,
        validator=positive,
        metadata=only_env("API_SERVER_MAX_RUNS", "requests to the interface that are worked on at one time"),
    )


@frozen
class Search:
    """The search engine of the agent; without any of these it has none. The first that is set counts."""

    searxng_url: str = field(
        default="",
        repr=False,
        metadata=only_env("SEARXNG_URL", "address of your SearXNG, which the agent searches with"),
    )
    tavily_key: str = field(
        default="", repr=False, metadata=only_env("TAVILY_API_KEY", "key of Tavily, else searched with")
    )
    brave_key: str = field(
        default="", repr=False, metadata=only_env("BRAVE_SEARCH_API_KEY", "key of Brave Search, else searched with")
    )
