"""Puts a remote model together for each wire format. Imports httpx, so it is imported with the first remote model."""

from collections.abc import Mapping

from attrs import evolve, frozen

from hermes.models.contract import ModelRequest
from hermes.models.failures import Speaker, complaint
from hermes.models.http import Http, Timing
from hermes.models.lengths import output_length
from hermes.models.remote import RemoteModel, Reply, Wire
from hermes.models.wires.anthropic_reply import AnthropicReply
from hermes.models.wires.anthropic_request import AnthropicOptions, anthropic_request, most_output
from hermes.models.wires.chat_reply import ChatReply
from hermes.models.wires.chat_request import ChatOptions, Dialect, chat_request

# The version of the API that anthropic_*.py are written for.
ANTHROPIC_VERSION = "2023-06-01"


@frozen
class Setup:
    """One configured model, whatever its wire."""

    speaker: Speaker
    provider: str
    base_url: str
    context_length: int
    effort: str = ""
    max_output_tokens: int | None = None
    cache_ttl: str = "5m"


def chat_model(setup: Setup, dialect: Dialect | None = None, timing: Timing | None = None) -> RemoteModel:
    """Chat completions below ``base_url``."""
    options = ChatOptions(
        setup.provider,
        setup.speaker.model,
        setup.effort,
        setup.max_output_tokens,
        setup.cache_ttl,
        dialect or Dialect(),
    )

    def of(request: ModelRequest) -> ChatOptions:
        return evolve(options, model=request.model) if request.model else options

    def reply(request: ModelRequest) -> Reply:
        return ChatReply(of(request).owner, lambda error: complaint(setup.speaker, error))

    headers = {"authorization": f"Bearer {setup.speaker.key}"} if setup.speaker.key else {}
    wire = Wire("/chat/completions", lambda request: chat_request(request, of(request)), reply)
    output = setup.max_output_tokens or output_length(setup.speaker.model, setup.context_length)
    return _model(setup, wire, output, headers, timing)


def anthropic_model(setup: Setup, timing: Timing | None = None) -> RemoteModel:
    """Anthropic's messages below ``base_url``."""
    options = AnthropicOptions(
        setup.provider, setup.speaker.model, setup.effort, setup.max_output_tokens, setup.cache_ttl
    )

    def of(request: ModelRequest) -> AnthropicOptions:
        return evolve(options, model=request.model) if request.model else options

    def reply(request: ModelRequest) -> Reply:
        return AnthropicReply(of(request).owner, lambda error: complaint(setup.speaker, error))

    headers = {"anthropic-version": ANTHROPIC_VERSION}
    if setup.speaker.key:
        headers["x-api-key"] = setup.speaker.key
    wire = Wire("/v1/messages", lambda request: anthropic_request(request, of(request)), reply)
    return _model(setup, wire, most_output(options), headers, timing)


def _model(setup: Setup, wire: Wire, output: int, headers: Mapping[str, str], timing: Timing | None) -> RemoteModel:
    http = Http(setup.speaker, setup.base_url, headers, timing)
    return RemoteModel(setup.speaker, setup.provider, setup.context_length, output, wire, http)
