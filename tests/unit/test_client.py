"""The client over real HTTP: what it sends, and what every fault becomes."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import httpx2
import openai
import pytest
from jobforge import errors
from jobforge.provider.client import ChatClient
from jobforge.provider.connection import Connection
from jobforge.requests.schema import response_format
from jobforge.settings import Settings
from openai.resources.chat.completions import Completions
from support.builders import ATTRIBUTES
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

KEY = "sk-test-0123456789abcdef"
MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
FORM = response_format(ATTRIBUTES)
SETTINGS = Settings(mode="live", model="asked-model", timeout_seconds=HANG_SECONDS)


def client(server: LoopbackServer, **settings: Any) -> ChatClient:
    return ChatClient(Connection(server.base_url, KEY), replace(SETTINGS, **settings))


def test_request_is_what_was_agreed(server: LoopbackServer) -> None:
    """One chat completions request with model, messages, format and limit, and nothing else."""
    client(server, max_output_tokens=123).complete(MESSAGES, FORM)
    [asked] = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body == {
        "model": "asked-model",
        "messages": MESSAGES,
        "response_format": FORM,
        "max_tokens": 123,
    }


def test_reply_says_which_model_gave_it(server: LoopbackServer) -> None:
    """The model is the one that the reply names, with the server's request id."""
    server.script("other_model")
    completion = client(server).complete(MESSAGES, FORM)
    assert (completion.model, completion.request_id) == ("another-model", "req_1")


def test_an_azure_deployments_address_keeps_its_query() -> None:
    """The version of Azure's API is in every request, and the header is Azure's own."""
    with LoopbackServer(deployment="my-gpt") as server:
        client(server).complete(MESSAGES, FORM)
        (asked,) = server.asked
    assert asked.path == "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    assert asked.has_key


def test_temperature_is_sent_only_where_it_is_set(server: LoopbackServer) -> None:
    """Reasoning models refuse a temperature, so none is the default; zero is a temperature."""
    client(server, temperature=0.0).complete(MESSAGES, FORM)
    client(server).complete(MESSAGES, FORM)
    assert server.asked[0].body["temperature"] == 0
    assert "temperature" not in server.asked[1].body


@pytest.mark.parametrize(
    ("base_url", "is_openai", "is_local"),
    [
        ("https://api.openai.com/v1", True, False),
        ("https://eu.api.openai.com/v1", True, False),
        ("https://mine.openai.azure.com/openai/v1", True, False),
        ("https://notopenai.com/v1", False, False),
        ("https://openai.com.example.org/v1", False, False),
        ("http://127.0.0.1:8080/v1", False, True),
        ("http://localhost:11434/v1", False, True),
        ("http://[::1]:8080/v1", False, True),
        ("http://192.168.0.7:8000/v1", False, False),
    ],
)
def test_servers_are_told_apart(base_url: str, is_openai: bool, is_local: bool) -> None:
    """OpenAI's own hosts, and this machine, are known by their names."""
    connection = Connection(base_url, KEY)
    assert (connection.is_openai, connection.is_local) == (is_openai, is_local)
    assert ChatClient(connection, SETTINGS).takes_text_bounds is is_local
    for bounds in ("on", "off"):
        settings = replace(SETTINGS, text_bounds=bounds)
        assert ChatClient(connection, settings).takes_text_bounds is (bounds == "on")


@pytest.mark.parametrize("parameter", ["max_tokens", "max_completion_tokens"])
def test_name_of_the_token_limit_can_be_set(server: LoopbackServer, parameter: str) -> None:
    """Servers differ in the limit's name; the setting decides."""
    client(server, max_tokens_parameter=parameter).complete(MESSAGES, FORM)
    assert server.asked[0].body[parameter] == 4096
    assert len([name for name in server.asked[0].body if name.startswith("max_")]) == 1


def test_openai_gets_its_own_name_of_the_limit(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI's hosts get max_completion_tokens, which its reasoning models insist on."""
    monkeypatch.setattr(Connection, "is_openai", True)
    client(server).complete(MESSAGES, FORM)
    assert server.asked[0].body["max_completion_tokens"] == 4096
    assert "max_tokens" not in server.asked[0].body


FAULTS = [
    ("401", errors.KeyRejectedError, 1),
    ("403", errors.KeyRejectedError, 1),
    ("404", errors.UnknownModelError, 1),
    ("400", errors.RequestRejectedError, 1),
    ("422", errors.RequestRejectedError, 1),
    ("insufficient_quota=0.01", errors.QuotaExhaustedError, 3),
    ("insufficient_quota=500", errors.QuotaExhaustedError, 1),
    ("429=0.01", errors.RateLimitedError, 3),
    ("429=500", errors.RateLimitedError, 1),
    ("408=0.01", errors.ServerFaultError, 3),
    ("500=0.01", errors.ServerFaultError, 3),
    ("503=0.01", errors.ServerFaultError, 3),
    ("413", errors.RequestTooLongError, 1),
    ("context_too_long", errors.RequestTooLongError, 1),
    ("content_filter_400", errors.RefusedError, 1),
    ("reset", errors.ConnectionFailedError, 3),
    ("html", errors.UnreadableReplyError, 1),
    ("refusal", errors.RefusedError, 1),
    ("content_filter", errors.RefusedError, 1),
    ("truncated", errors.TruncatedError, 1),
    ("empty_content", errors.EmptyReplyError, 1),
    ("null_content", errors.EmptyReplyError, 1),
    ("empty_choices", errors.EmptyReplyError, 1),
    ("error_body", errors.ServerFaultError, 1),
]


@pytest.mark.parametrize(("fault", "error", "requests"), FAULTS)
def test_every_fault_is_one_of_our_errors(
    server: LoopbackServer, fault: str, error: type[errors.JobForgeError], requests: int
) -> None:
    """Each fault has its error; what may pass is tried three times, all else once."""
    server.script(*[fault] * 4)
    with pytest.raises(errors.JobForgeError) as raised:
        client(server).complete(MESSAGES, FORM)
    assert type(raised.value) is error
    assert server.count == requests
    assert "\n" not in str(raised.value)
    if fault not in ("reset", "html"):
        assert raised.value.request_id == f"req_{requests}"  # type: ignore[attr-defined]


def test_a_slow_server_is_timed_out(server: LoopbackServer) -> None:
    """A reply that does not come in time is its own error, after three tries."""
    server.script(*["slow"] * 3)
    with pytest.raises(errors.TimedOutError, match=r"0\.1 seconds"):
        client(server, timeout_seconds=0.1).complete(MESSAGES, FORM)
    server.settle()
    assert server.count == 3


def test_nobody_listening(server: LoopbackServer) -> None:
    """A server that is not there is a failed connection."""
    with LoopbackServer() as gone:
        address = gone.base_url
    with pytest.raises(errors.ConnectionFailedError):
        ChatClient(Connection(address, KEY), SETTINGS).complete(MESSAGES, FORM)


def test_a_fault_that_passes_is_no_fault(server: LoopbackServer) -> None:
    """Two faults and then a reply are a reply."""
    server.script("500=0.01", "429=0.01", "ok")
    assert client(server).complete(MESSAGES, FORM).request_id == "req_3"


def test_every_openai_error_is_mapped(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No kind of openai's API errors escapes as itself."""
    kinds = [openai.APIError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert len(kinds) > 10
    for kind in kinds:
        error = kind.__new__(kind)
        Exception.__init__(error, "message")
        error.message = "message"
        if isinstance(error, openai.APIStatusError):
            error.response = httpx2.Response(418)
            error.response.elapsed = timedelta(0)
        monkeypatch.setattr(Completions, "create", Mock(side_effect=error))
        with pytest.raises(errors.JobForgeError):
            client(server).complete(MESSAGES, FORM)


def test_fatal_and_transient_are_told_apart() -> None:
    """What every further request would meet is fatal; what may pass is not."""
    fatal = {error for _, error, _ in FAULTS if issubclass(error, errors.FatalApiError)}
    assert fatal == {
        errors.KeyRejectedError,
        errors.UnknownModelError,
        errors.QuotaExhaustedError,
        errors.RequestRejectedError,
    }
    assert not issubclass(errors.RateLimitedError, errors.FatalApiError)


class TestConnection:
    """Where to send, from the environment."""

    def test_nothing_set(self) -> None:
        """Without a key and an address there is no connection."""
        assert Connection.from_environment() is None

    def test_key_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key alone means OpenAI; blanks around it are not part of it."""
        monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
        assert Connection.from_environment() == Connection("https://api.openai.com/v1", KEY)

    @pytest.mark.parametrize(
        "address", ["127.0.0.1:8080/v1", "ftp://x/v1", "http://", "http://[", "http://a..b/v1"]
    )
    def test_an_address_that_is_none(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """An address without a scheme or a host is refused before any call."""
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        with pytest.raises(errors.SettingsError, match="OPENAI_BASE_URL"):
            Connection.from_environment()

    def test_an_address_with_a_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What belongs into the key is not taken from the address, and not shown."""
        monkeypatch.setenv("OPENAI_BASE_URL", "https://user:hidden-word@example.org/v1")
        with pytest.raises(errors.SettingsError, match="OPENAI_API_KEY") as found:
            Connection.from_environment()
        assert "hidden-word" not in str(found.value)

    @pytest.mark.parametrize("key", ["sk-ä", "sk-a b", "sk-a\nb"])
    def test_a_key_that_is_none(self, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key that cannot be sent is refused, and not shown."""
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(errors.SettingsError, match="OPENAI_API_KEY") as raised:
            Connection.from_environment()
        assert key not in str(raised.value)


class TestSecrets:
    """The key is seen by the server and by nobody else."""

    @pytest.mark.parametrize("fault", ["401_echo", "503", "400", "ok"])
    def test_a_key_that_the_server_echoes_is_redacted(
        self, server: LoopbackServer, fault: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No error message and no log line of any level has the key."""
        caplog.set_level(logging.DEBUG)
        server.script(*[f"{fault}=0.01" if fault == "503" else fault] * 3)
        said = ""
        try:
            client(server).complete(MESSAGES, FORM)
        except errors.ApiError as error:
            said = f"{error} {error!r} {error.__cause__} {error.__context__ and ''}"
        assert KEY not in said
        assert KEY not in caplog.text
        assert server.asked[0].has_key

    def test_a_key_in_a_header_or_a_name_is_redacted(self) -> None:
        """Whatever a server calls its request, its model or its answer, it is not the key."""
        worn = f"req-{KEY.upper()}"
        with LoopbackServer(headers=lambda: {"x-request-id": worn}, model=KEY) as server:
            server.answer = lambda body: {"said": KEY}
            answer = client(server).complete(MESSAGES, FORM)
        assert answer.request_id == "req-[redacted]"
        assert answer.model == "[redacted]"
        assert answer.content == '{"said": "[redacted]"}'

    def test_representations_have_no_key(self, server: LoopbackServer) -> None:
        """Neither the connection nor the client shows the key."""
        connection = Connection(server.base_url, KEY)
        ours = ChatClient(connection, SETTINGS)
        for shown in (repr(connection), str(connection), repr(ours), str(ours)):
            assert KEY not in shown
            assert "asked-model" in shown or connection.shown in shown

    def test_a_key_of_another_form_is_redacted_too(self, server: LoopbackServer) -> None:
        """A key that does not look like one is known by its value."""
        ours = ChatClient(Connection(server.base_url, "plainword-key"), SETTINGS)
        server.script("401_echo")
        with pytest.raises(errors.KeyRejectedError) as raised:
            ours.complete(MESSAGES, FORM)
        assert "plainword-key" not in str(raised.value)
        assert "[redacted]" in str(raised.value)
