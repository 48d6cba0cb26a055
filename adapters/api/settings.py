"""What the interface is told by the configuration."""

from attrs import frozen

DEFAULT_MODEL_NAME = "hermes-agent"

DEFAULT_RUNS = 10
"""Requests that are worked on at one time: each may hold a stream of the model and a few processes."""

ANY_ORIGIN = "*"


@frozen
class ApiSettings:
    """``api_server`` of the configuration."""

    model_name: str = DEFAULT_MODEL_NAME
    """How the agent calls itself in the list of models, API_SERVER_MODEL_NAME."""
    origins: frozenset[str] = frozenset()
    """Of web pages that may use the interface, lower case, as a browser sends them; API_SERVER_CORS_ORIGINS."""
    max_runs: int = DEFAULT_RUNS
    keyed: bool = False
    """Whether the port asks for a key."""

    def allows(self, origin: str) -> bool:
        """Whether a web page of ``origin`` may use the interface. "*" counts only where a key is asked for."""
        return origin.lower() in self.origins or (self.keyed and ANY_ORIGIN in self.origins)


def origins(text: str) -> frozenset[str]:
    """A list of origins as the variable has it: separated by commas, a slash at the end or not."""
    return frozenset(filter(None, (part.strip().rstrip("/").lower() for part in text.split(","))))
