"""Every way the SDKs send a request is seen, charged and refused alike."""

import anthropic
import openai
import pytest

from sdk_paths import PATHS
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.active import activate
from wflo_otel.testing import Reply
from wiring import guarded

every_path = pytest.mark.parametrize("path", PATHS, ids=[path.name for path in PATHS])


@every_path
def test_the_ledger_has_each_request_at_the_price_the_provider_bills(path):
    with guarded(Reply(text=path.text)) as rig:
        path.run(rig.provider)
        assert len(rig.provider.requests) == len(rig.records) == 1
        assert rig.billed_usd > 0
        rig.assert_settled()


@every_path
def test_a_refusal_reaches_the_user_as_itself_after_one_attempt_and_no_request(path):
    with guarded(usd="0.000000001") as rig:
        with pytest.raises(BudgetExceededError) as raised:
            path.run(rig.provider)
        assert rig.provider.requests == []
        assert rig.ledger.refused == 1
        sdk = openai.OpenAIError if path.base == "openai" else anthropic.AnthropicError
        assert isinstance(raised.value, sdk)
        assert not raised.value.sent


@pytest.mark.parametrize("path", PATHS[:2], ids=["sync", "async"])
def test_a_request_without_a_configuration_passes_uncounted(path):
    with guarded() as rig:
        activate(None)
        path.run(rig.provider)
        assert len(rig.provider.requests) == 1
        assert rig.records == []


def test_after_the_stop_forty_tries_that_swallow_the_error_send_nothing():
    with guarded(Reply(output_tokens=100), usd="0.001005") as rig:
        client = openai.OpenAI(base_url=rig.provider.openai_url, api_key="key")
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}], max_tokens=100
        )
        for _ in range(40):
            with pytest.raises(openai.OpenAIError):
                client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": "hi"}], max_tokens=100
                )
        assert len(rig.provider.requests) == 1
        assert rig.ledger.stopped
