"""The ``WFLO_*`` variables: what they mean, and what is said of those that mean nothing."""

import base64
from decimal import Decimal
from pathlib import Path

import pytest

from wflo_otel.config import Settings, from_environment
from wflo_otel.config.environment import VARIABLES
from wflo_otel.errors import ConfigError


def test_an_environment_without_our_variables_sets_nothing() -> None:
    assert from_environment({"PATH": "/bin", "OTEL_SERVICE_NAME": "x"}) == Settings()


def test_an_empty_variable_is_an_unset_one() -> None:
    assert from_environment(dict.fromkeys(VARIABLES, "")) == Settings()


def test_every_variable_is_read() -> None:
    environ = {
        "WFLO_POLICY": "team/wflo.yaml",
        "WFLO_BUDGET_USD": "2.50",
        "WFLO_STATE": "sqlite:///.wflo/state.db",
        "WFLO_RUN_ID": "3f2a",
        "WFLO_RUN_NAME": "nightly report",
        "WFLO_AGENT": "writer",
        "WFLO_TRACE_URL": "http://localhost:16686/trace/{trace_id}",
        "WFLO_CHECKPOINT_KEY": "AQ" * 21 + "A",
        "WFLO_STRICT": "true",
        "WFLO_DISABLED": "1",
    }
    assert set(environ) == set(VARIABLES)

    assert from_environment(environ) == Settings(
        policy=Path("team/wflo.yaml"),
        budget_usd=Decimal("2.5"),
        state="sqlite:///.wflo/state.db",
        run_id="3f2a",
        run_name="nightly report",
        agent="writer",
        trace_url="http://localhost:16686/trace/{trace_id}",
        checkpoint_key=base64.urlsafe_b64decode("AQ" * 21 + "A="),
        strict=True,
        disabled=True,
    )


def test_a_switch_can_be_set_to_off() -> None:
    assert not from_environment({"WFLO_DISABLED": "0"}).disabled


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *(
            (
                "WFLO_TRACE_URL",
                value,
                "WFLO_TRACE_URL: must be a URL such as http://localhost:16686/trace/{trace_id}",
            )
            for value in ("http://localhost/trace", "file:///{trace_id}", "http://a b/{trace_id}")
        ),
        (
            "WFLO_BUDGET_USD",
            "five",
            "WFLO_BUDGET_USD: 'five' is not an amount in US dollars (write 5.00)",
        ),
        (
            "WFLO_BUDGET_USD",
            "-1",
            "WFLO_BUDGET_USD: '-1' is not an amount between 0 and 9,000,000 US dollars",
        ),
        ("WFLO_STATE", "state.db", "WFLO_STATE: must be a URL such as sqlite:///.wflo/state.db"),
        ("WFLO_RUN_ID", "a/b", "WFLO_RUN_ID: must be an id without spaces and slashes"),
        ("WFLO_RUN_ID", "a\x1bb", "WFLO_RUN_ID: must be an id without spaces and slashes"),
        ("WFLO_RUN_NAME", "a\nb", "WFLO_RUN_NAME: must be one line of at most 200 characters"),
        ("WFLO_AGENT", "a" * 201, "WFLO_AGENT: must be one line of at most 200 characters"),
        ("WFLO_STRICT", "maybe", "WFLO_STRICT: must be 1 or 0"),
    ],
)
def test_an_impossible_value_names_its_variable(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        from_environment({name: value})

    assert str(raised.value) == message


def test_a_variable_that_is_none_of_ours_is_warned_of_with_the_name_that_was_meant() -> None:
    settings = from_environment({"WFLO_BUGDET_USD": "5", "WFLO_XYZZY": "1"})

    assert settings.warnings == (
        "WFLO_BUGDET_USD: no variable of wflo_otel (did you mean WFLO_BUDGET_USD?)",
        "WFLO_XYZZY: no variable of wflo_otel",
    )


def test_a_password_in_the_state_url_shows_nowhere() -> None:
    settings = from_environment({"WFLO_STATE": "redis://user:hunter2@host"})

    assert settings.state == "redis://user:hunter2@host"
    assert "hunter2" not in repr(settings)


def test_a_bad_state_url_is_not_repeated_in_the_message() -> None:
    with pytest.raises(ConfigError) as raised:
        from_environment({"WFLO_STATE": "user:hunter2@host"})

    assert "hunter2" not in str(raised.value)
