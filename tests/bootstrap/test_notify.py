"""A stop is told to whom the policy names, and never by way of the guard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import openai

from decorated import kept_spans
from hooks import hook
from sdk_paths import HELLO, OPENAI_MODEL, openai_client
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.money import to_nano_usd
from wflo_otel.core.policy import Budget, Budgets, Mode, Notify, Policy
from wflo_otel.testing import Reply, ScriptedProvider

SMALL = Policy(budgets=Budgets(run=Budget(usd=to_nano_usd("0.0015"), clamp=False)))


def scripted():
    """A provider whose every answer is as long as is asked for."""
    provider = ScriptedProvider()
    provider.default = Reply(output_tokens=100)
    return provider


def ask(provider, times=4, model=OPENAI_MODEL):
    """Ask so often, whatever comes back; return how often there was an answer."""
    answered = 0
    with openai_client(provider) as client:
        for _ in range(times):
            try:
                client.chat.completions.create(model=model, messages=HELLO, max_tokens=100)
            except openai.OpenAIError:
                continue
            answered += 1
    return answered


def told(policy, **asked):
    """The notices of a program that asks under this policy, and the spans beside its calls."""
    with hook() as came, scripted() as provider:
        # A path that the guard would know, were it asked.
        notify = Notify(webhook=f"{came.url}/v1/chat/completions")
        with kept_spans() as spans:
            configure(replace(policy, notify=notify), state="memory://", run_name="tides")
            answered = ask(provider, **asked)
            shutdown()
        return answered, came.notices, spans()


def test_a_webhook_is_told_once_of_a_stop_however_many_calls_are_refused():
    answered, notices, spans = told(SMALL)

    (notice,) = notices
    assert answered == 1
    assert (notice["event"], notice["run_name"], notice["shadow"]) == ("stop", "tides", False)
    assert notice["scope"] == f"run:{notice['run_id']}"
    assert (notice["unit"], notice["limit"]) == ("usd", "0.001500000")
    assert {span.name for span in spans} <= {f"chat {OPENAI_MODEL}", "POST"}
    assert not [span for span in spans if "hook" in span.to_json()]


def test_shadow_mode_tells_what_would_have_stopped():
    answered, notices, _ = told(replace(SMALL, mode=Mode.SHADOW))

    (notice,) = notices
    assert answered == 4
    assert notice["shadow"] is True


def test_a_model_without_a_price_is_told_of_once():
    answered, notices, _ = told(SMALL, model="no-such-model")

    (notice,) = notices
    assert answered == 0
    assert (notice["event"], notice["model"]) == ("unpriced", "no-such-model")


def test_a_command_is_told(tmp_path: Path):
    kept = tmp_path / "kept"
    with scripted() as provider:
        notify = Notify(command=("sh", "-c", f"cat > {kept}; echo $1 >> {kept}", "sh"))
        configure(replace(SMALL, notify=notify), state="memory://")
        ask(provider)
        shutdown()
    assert '"event": "stop"' in kept.read_text()
    assert kept.read_text().endswith("}stop\n")
