"""What a provider's refusals mean: the right error, one line, no secret."""

import json
import time
from email.utils import formatdate

import pytest

from hermes.errors import AuthError, ConfigError, HermesError, RateLimited, Refused, TransientError
from hermes.models.contract import ContextOverflow
from hermes.models.failures import MAX_PAUSE, MAX_QUOTED, USUAL_PAUSE, Speaker, complaint, pause, refusal

KEY = "sk-or-v1-0123456789abcdef"
SPEAKER = Speaker("OpenRouter", "a/b", KEY, "OPENROUTER_API_KEY")


def error(message: str, **rest: object) -> str:
    return json.dumps({"error": {"message": message, **rest}})


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, error("This model's maximum context length is 8192 tokens"), ContextOverflow, "of this length"),
        (400, error("too long", code="context_length_exceeded"), ContextOverflow, "of this length"),
        (400, '{"code":"invalid-argument","error":"This model\'s maximum prompt length is 131072 but the request '
              'contains 537812 tokens"}', ContextOverflow, "of this length"),
        (400, error("Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)"),
         ContextOverflow, "of this length"),
        (400, error("InternalError.Algo.InvalidParameter: Range of input length should be [1, 983616]"),
         ContextOverflow, "of this length"),
        (400, error("Prompt exceeds max length", code="1261"), ContextOverflow, "of this length"),
        (400, error("prompt token count of 5000 exceeds the limit of 4096"), ContextOverflow, "of this length"),
        (422, error("Input validation error: `inputs` must have less than 1024 tokens. Given: 5000"), ContextOverflow,
         "of this length"),
        (400, error("prompt too long; exceeded max context length by 4 tokens"), ContextOverflow, "of this length"),
        (400, error("Range of max_tokens should be [1, 8192]"), ConfigError, "set model.max_tokens"),
        (400, error("prompt is too long: 210 tokens > 200 maximum", type="invalid_request_error"), ContextOverflow,
         "of this length"),
        (413, "", ContextOverflow, "of this length"),
        (500, error("the request exceeds the available context size"), ContextOverflow, "of this length"),
        (400, error("input length and `max_tokens` exceed context limit: 199000 + 32000 > 200000"), ContextOverflow,
         "of this length"),
        (400, error("max_tokens is too large: 32000. This model supports at most 16384 completion tokens"), ConfigError,
         "takes no answer of this length.*at most 16384.*set model.max_tokens"),
        (400, error("'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length "
                    "is 8192 tokens and your request has 12 input tokens"), ConfigError, "set model.max_tokens"),
        (400, error("max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens"), ConfigError,
         "set model.max_tokens"),
        (400, error("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"), ConfigError,
         "set model.max_tokens"),
        (400, error("Invalid value for 'temperature'"), Refused, r"refused it \(400\): Invalid value"),
        (422, error("nope"), Refused, r"refused it \(422\): nope"),
        (400, f'[{error("API key not valid. Please pass a valid API key.", code=400, status="INVALID_ARGUMENT")}]\n',
         AuthError, r"refused the key of OPENROUTER_API_KEY \(400\): API key not valid\. Please pass a valid API key$"),
        (400, '{"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***."}',
         AuthError, r"refused the key of OPENROUTER_API_KEY \(400\): Incorrect API key"),
        (429, f'[{error("It has been exhausted", code=429)}]', RateLimited, r"\(429\): It has been exhausted"),
        (400, error("Your credit balance is too low to access the Anthropic API.", type="invalid_request_error"),
         AuthError, r"no credit left for this key \(400\): Your credit balance"),
        (401, error("No auth credentials found"), AuthError, r"refused the key of OPENROUTER_API_KEY \(401\): No auth"),
        (402, error("Insufficient credits"), AuthError, r"no credit left for this key \(402\): Insufficient"),
        (403, error("Key disabled"), AuthError, "refused the key of OPENROUTER_API_KEY"),
        (403, error("Your input was flagged"), Refused, r"refused it \(403\)"),
        (429, error("You exceeded your current quota", type="insufficient_quota"), AuthError, "no credit left"),
        (404, error("No endpoints found for a/b."), ConfigError, "no model 'a/b': No endpoints.*set model.default"),
        (400, error("a/b is not a valid model ID"), ConfigError, "knows no model 'a/b'"),
        (404, error("The model `x` does not exist", code="model_not_found"), ConfigError, "knows no model 'a/b'"),
        (404, error("model: claude-9", type="not_found_error"), ConfigError, "knows no model 'a/b'"),
        (404, error("File Not Found", type="not_found_error"), ConfigError, "nothing at this address"),
        (404, "<html><title>Not Found</title>", ConfigError, r"at this address \(404\): Not Found.*model.base_url"),
        (308, "", ConfigError, "model.base_url"),
        (408, "", TransientError, r"failed \(408\)"),
        (500, error("oops"), TransientError, r"failed \(500\): oops"),
        (502, "<html><head><title>Bad gateway</title></head>", TransientError, r"failed \(502\): Bad gateway"),
        (503, "no server is available", TransientError, r"is overloaded \(503\): no server is available"),
        (529, error("Overloaded", type="overloaded_error"), TransientError, r"is overloaded \(529\): Overloaded"),
        (400, '{"detail": "bad field"}', Refused, "bad field"),
        (400, '{"error": "plain words"}', Refused, "plain words"),
        (400, '{"object": "error", "message": "at the top"}', Refused, "at the top"),
        (418, "[" * 9999, Refused, "refused it"),
    ],
)  # fmt: skip
def test_each_refusal_is_the_right_error_in_one_line(
    status: int, body: str, kind: type[HermesError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        raise refusal(SPEAKER, status, body)
    assert caught.type is kind
    assert str(caught.value).startswith("OpenRouter ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "header", "wait"),
    [(429, "7", 7.0), (429, "", USUAL_PAUSE), (429, "soon", USUAL_PAUSE), (503, "3", 3.0), (529, "2.5", 2.5)],
)
def test_a_pause_that_is_asked_for_is_kept(status: int, header: str, wait: float) -> None:
    found = refusal(SPEAKER, status, error("later"), header)
    assert isinstance(found, RateLimited)
    assert found.retry_after == wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("10", 10.0), ("0", 0.0), ("-5", 0.0), ("1e99", MAX_PAUSE), ("inf", None), ("nan", None), ("x", None),
     (formatdate(1000.0, usegmt=True), 90.0), (formatdate(0.0, usegmt=True), 0.0), ("", None)],
)  # fmt: skip
def test_a_header_of_seconds_or_of_a_date_is_read(header: str, seconds: float | None) -> None:
    assert pause(header, now=910.0) == seconds


@pytest.mark.parametrize("header", ["Thu, 01 Jan 1970 00:16:40 -0000", "Thu Jan  1 00:16:40 1970"])
def test_a_date_that_names_no_zone_is_in_utc(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert pause(header, now=910.0) == 90.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_provider_that_wants_a_key_where_there_is_none_says_what_to_set() -> None:
    found = refusal(Speaker("127.0.0.1:1", "m", key_wanted="model.api_key_env"), 401, "")
    assert str(found) == "127.0.0.1:1 wants a key (401): set model.api_key_env"


@pytest.mark.parametrize(
    "said", [f"Incorrect API key provided: {KEY}", "key sk-proj-abcdefghijklmnop0123456789 is off"]
)
def test_a_key_that_is_quoted_back_is_taken_out(said: str) -> None:
    text = str(refusal(SPEAKER, 401, error(said)))
    assert "0123456789" not in text
    assert "[redacted]" in text


def test_a_key_at_the_edge_of_what_is_quoted_is_taken_out_whole() -> None:
    for length in range(MAX_QUOTED - len(KEY), MAX_QUOTED + 2):
        assert "sk-or" not in str(refusal(SPEAKER, 500, "x" * length + " " + KEY))
        assert "sk-or" not in str(refusal(SPEAKER, 500, error("x" * length + " " + KEY)))


def test_a_long_speech_is_cut_and_markup_taken_out() -> None:
    text = str(refusal(SPEAKER, 400, error("<b>word</b>\n" + "x" * 10_000)))
    assert len(text) < MAX_QUOTED + 60
    assert "<b>" not in text


def test_what_the_provider_behind_a_router_said_is_quoted() -> None:
    body = error("Provider returned error", metadata={"raw": error("real reason"), "provider_name": "X"})
    assert str(refusal(SPEAKER, 400, body)).endswith("Provider returned error (real reason)")


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ({"code": 401, "message": "x"}, AuthError),
        ({"code": 502, "message": "x"}, TransientError),
        ({"code": "401", "message": "litellm.AuthenticationError", "type": "None"}, AuthError),
        ({"code": "429", "message": "x"}, RateLimited),
        ({"code": "400", "message": "This model's maximum context length is 8192 tokens"}, ContextOverflow),
        ({"code": "1301", "message": "x"}, TransientError),
        ({"code": 429, "message": "x"}, RateLimited),
        ({"type": "overloaded_error", "message": "x"}, TransientError),
        ({"code": "context_length_exceeded", "message": "x"}, ContextOverflow),
        ({"code": "insufficient_quota", "message": "x"}, AuthError),
        ({"message": "no more is said"}, TransientError),
        ({}, TransientError),
    ],
)
def test_a_complaint_in_a_stream_is_the_error_of_its_status_or_type(found: dict[str, object], kind: type) -> None:
    assert type(complaint(SPEAKER, found)) is kind
