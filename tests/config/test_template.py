"""The file that ``wflo init`` writes."""

import re

from wflo_otel.config import init_template, parse_policy
from wflo_otel.core.policy import Budget, Budgets, OnExceeded, Policy, Unknown, Window

RUN = Budget(usd=5_000_000_000)
AGENT = Budget(usd=1_000_000_000)


def test_it_limits_a_run_and_each_agent_and_is_the_default_otherwise() -> None:
    expected = Policy(budgets=Budgets(run=RUN, agents={"*": AGENT}))

    assert parse_policy(init_template()) == expected


def test_what_it_has_switched_off_is_a_policy_too() -> None:
    switched_on = re.sub(r"^( *)#(?=\S| {2})", r"\1", init_template(), flags=re.MULTILINE)

    policy = parse_policy(switched_on)

    assert policy.budgets.run == Budget(usd=5_000_000_000, tokens=2_000_000, calls=500)
    assert policy.budgets.agent("writer") == Budget(
        usd=1_500_000_000, on_exceeded=OnExceeded.REFUSE
    )
    assert policy.budgets.tool("search_web") == Budget(usd=250_000_000)
    assert policy.budgets.workflow("nightly-report") == Budget(usd=20_000_000_000, per=Window.DAY)
    assert policy.budgets.tenant("any") == Budget(usd=100_000_000_000, per=Window.MONTH)
    assert policy.prices.overrides["my-finetune"].input == 3_000_000
    assert policy.prices.aliases == {"my-deployment": "gpt-4o"}
    assert policy.prices.unknown_model is Unknown.REFUSE
