"""How long a provider asks to wait, from its headers."""

from __future__ import annotations

import pytest

from wflo_otel.wire.retry_after import retry_after_s, should_retry

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 -0000"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "3"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Tue, 14 Nov 0001 22:13:50 +2359"}, 0.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 +999999"}, None),
        ({"x-ratelimit-reset-requests": "20ms", "x-ratelimit-remaining-requests": "0"}, 0.02),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0"}, 360.0),
        ({"x-ratelimit-reset-tokens": "2m59.56s"}, 179.56),
        ({"x-ratelimit-reset-requests": "7"}, 7.0),
        ({"x-ratelimit-reset-requests": "7 parsecs"}, None),
        ({"x-ratelimit-reset-requests": ""}, None),
        ({"anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:32Z"}, 12.0),
        ({"anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:32"}, 12.0),
        ({"anthropic-ratelimit-tokens-reset": "tomorrow"}, None),
    ],
)
def test_what_a_429_asks_for(headers, expected):
    assert retry_after_s(headers, status=429, now=NOW) == expected


def test_of_several_limits_those_that_are_used_up_must_be_reset():
    headers = {
        "x-ratelimit-reset-requests": "9s",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-reset-tokens": "2s",
        "x-ratelimit-remaining-tokens": "0",
        "anthropic-ratelimit-input-tokens-reset": "2023-11-14T22:13:25Z",
        "anthropic-ratelimit-input-tokens-remaining": "0",
    }
    assert retry_after_s(headers, status=429, now=NOW) == 5.0


def test_where_no_limit_is_used_up_the_first_reset_may_be_enough():
    headers = {"x-ratelimit-reset-requests": "9s", "x-ratelimit-reset-tokens": "2s"}

    assert retry_after_s(headers, status=429, now=NOW) == 2.0


def test_limits_say_nothing_beside_another_status():
    headers = {"x-ratelimit-reset-requests": "9s", "x-ratelimit-remaining-requests": "0"}

    assert retry_after_s(headers, status=503, now=NOW) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-should-retry": "true"}, True),
        ({"x-should-retry": "False"}, False),
        ({"x-should-retry": "perhaps"}, None),
    ],
)
def test_what_the_provider_advises(headers, expected):
    assert should_retry(headers) is expected
