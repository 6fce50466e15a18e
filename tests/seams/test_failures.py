"""What exceptions tell, of every library that makes calls."""

from __future__ import annotations

import http.client
import socket
import sys
import urllib.error
from email.message import Message
from types import SimpleNamespace

import anthropic
import httpx
import openai
import pytest

from wflo_otel.core.retry import Failure, FailureKind
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.failures import chain_of, failure_of, is_refusal

NOW = 1_700_000_000.0
REQUEST = httpx.Request("POST", "http://127.0.0.1/v1")


def answered(status, **headers):
    return httpx.Response(status, headers=headers, request=REQUEST)


class ToldError(Exception):
    """An exception with whatever attributes."""

    def __init__(self, **told):
        super().__init__("secret")
        self.__dict__.update(told)


class ThornyError(Exception):
    @property
    def response(self):
        raise RuntimeError("not now")


def _http_error(status, **headers):
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return urllib.error.HTTPError("http://127.0.0.1", status, "busy", message, None)


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (httpx.HTTPStatusError("x", request=REQUEST, response=answered(429)), 429, None),
        (
            httpx.HTTPStatusError(
                "x", request=REQUEST, response=answered(429, **{"Retry-After": "3"})
            ),
            429,
            3.0,
        ),
        (_http_error(503, **{"Retry-After": "4"}), 503, 4.0),
        (ToldError(status_code=500), 500, None),
        (ToldError(status=502, headers={"Retry-After": "5"}), 502, 5.0),
        (ToldError(code=504), 504, None),
        (
            ToldError(
                response={
                    "ResponseMetadata": {
                        "HTTPStatusCode": 429,
                        "HTTPHeaders": {"retry-after": "6"},
                    }
                }
            ),
            429,
            6.0,
        ),
        (ToldError(response={"ResponseMetadata": None}), None, None),
        (ToldError(code=7), None, None),
        (ToldError(response=SimpleNamespace(headers=3)), None, None),
        (ThornyError(), None, None),
    ],
)
def test_a_status_and_a_pause_are_found_wherever_they_are(error, status, retry_after):
    failure = failure_of(error, NOW)

    assert failure.status == status
    assert failure.retry_after_s == retry_after
    assert failure.kind is (FailureKind.OTHER if status is None else FailureKind.STATUS)


def test_the_sdks_tell_their_code_and_the_providers_advice():
    response = answered(429, **{"x-should-retry": "false"})
    error = openai.RateLimitError(
        "secret", response=response, body={"code": "insufficient_quota", "type": "x"}
    )

    assert failure_of(error, NOW) == Failure(
        FailureKind.STATUS, 429, "insufficient_quota", advice=False
    )


def _made(module, name):
    """An exception of a library that may be absent, made without its constructor."""
    cls = getattr(pytest.importorskip(module), name)
    return cls.__new__(cls)


TIMEOUTS = [TimeoutError(), httpx.ReadTimeout("x"), httpx.PoolTimeout("x")]
TIMEOUTS += [each.APITimeoutError(request=REQUEST) for each in (openai, anthropic)]
LOST = [
    ConnectionResetError(),
    BrokenPipeError(),
    http.client.RemoteDisconnected(),
    http.client.IncompleteRead(b""),
    socket.gaierror(),
    urllib.error.URLError(ConnectionRefusedError()),
    httpx.ConnectError("x"),
    httpx.RemoteProtocolError("x"),
]
LOST += [each.APIConnectionError(request=REQUEST) for each in (openai, anthropic)]


@pytest.mark.parametrize("error", TIMEOUTS, ids=lambda error: type(error).__name__)
def test_a_timeout_is_one_whoever_raises_it(error):
    assert failure_of(error, NOW).kind is FailureKind.TIMEOUT


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_a_lost_connection_is_one_whoever_raises_it(error):
    assert failure_of(error, NOW).kind is FailureKind.CONNECTION


@pytest.mark.newest
@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("httpx2", "ReadTimeout", FailureKind.TIMEOUT),
        ("httpx2", "ConnectError", FailureKind.CONNECTION),
        ("aiohttp", "ServerDisconnectedError", FailureKind.CONNECTION),
        ("aiohttp", "ServerTimeoutError", FailureKind.TIMEOUT),
        ("botocore.exceptions", "ReadTimeoutError", FailureKind.TIMEOUT),
        ("botocore.exceptions", "EndpointConnectionError", FailureKind.CONNECTION),
    ],
)
def test_the_errors_of_other_clients_are_known(module, name, kind):
    assert failure_of(_made(module, name), NOW).kind is kind


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        OSError(28, "no space"),
        httpx.UnsupportedProtocol("x"),
        urllib.error.URLError("unknown url type"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_would_fail_again_is_neither(error):
    assert failure_of(error, NOW).kind is FailureKind.OTHER


def test_a_library_that_is_not_loaded_is_not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "requests.exceptions", raising=False)

    assert failure_of(ValueError(), NOW).kind is FailureKind.OTHER
    assert "requests.exceptions" not in sys.modules


def test_a_refusal_is_one_also_where_a_library_has_wrapped_it():
    wrapped = RuntimeError("failed")
    wrapped.__cause__ = ValueError("failed")
    wrapped.__cause__.__cause__ = BudgetExceededError("no room")

    assert is_refusal(wrapped)
    assert not is_refusal(RuntimeError("failed"))


def test_a_chain_of_causes_that_is_a_circle_ends():
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one

    assert list(chain_of(one)) == [one, other]
