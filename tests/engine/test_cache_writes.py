"""What an input is reserved at, by whether it is written to a cache."""

import pytest

from engine_fakes import Bench
from wflo_otel.core.call import Ask, Call, Operation
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.core.scope import Caller


@pytest.mark.parametrize(
    ("provider", "model", "asked", "times"),
    [
        ("anthropic", "cached", "", 1),
        ("anthropic", "cached", "5m", 2),
        ("anthropic", "cached", "1h", 3),
        ("openai", "cached", "", 2),
        ("openai", "cached", "1h", 3),
        ("azure.ai.openai", "cached", "", 2),
        ("openrouter", "openai/gpt-cached", "", 2),
        ("openrouter", "anthropic/claude-cached", "", 1),
    ],
)
def test_an_input_is_reserved_as_written_where_it_is_asked_to_be_or_openai_does_so_unasked(
    provider, model, asked, times
):
    bench = Bench(Policy(budgets=Budgets(run=Budget(usd=10**9))))
    ask = Ask(Operation.CHAT, provider, model, output_cap=0, text_chars=10, cache_write=asked)

    bench.engine.admit(Call("a", ask, Caller("r")))

    assert bench.ledger().pending.usd == 10 * 1_000 * times
