"""Every file in ``good`` is the policy given here; every file in ``bad`` fails as its first
line says.
"""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wflo_otel.config import PolicyFileError, load_policy, parse_policy
from wflo_otel.core.policy import (
    After,
    Breaker,
    Budget,
    Budgets,
    Checkpoints,
    Hint,
    Loops,
    Mode,
    Notify,
    OnExceeded,
    OnStateError,
    Policy,
    PriceOverride,
    Prices,
    Reserve,
    RunPer,
    Unknown,
    Unrecognised,
    Window,
)
from wflo_otel.errors import ConfigError

HERE = Path(__file__).parent
DOLLAR = 1_000_000_000

GOOD = {
    "minimal": Policy(),
    "json": Policy(
        budgets=Budgets(
            run=Budget(usd=DOLLAR // 10, wait_s=2.5),
            agents={"*": Budget(usd=DOLLAR)},
        )
    ),
    "aliases": Policy(
        budgets=Budgets(
            run=Budget(usd=2 * DOLLAR),
            agents={"writer": Budget(usd=2 * DOLLAR), "*": Budget(usd=2 * DOLLAR)},
        )
    ),
    "design": Policy(
        budgets=Budgets(
            run=Budget(usd=5 * DOLLAR),
            agents={"writer": Budget(usd=1_500_000_000), "*": Budget(usd=DOLLAR)},
            tenants={"*": Budget(usd=100 * DOLLAR, per=Window.DAY)},
        ),
        prices=Prices(
            overrides={"my-finetune": PriceOverride(input=3_000_000, output=6_000_000)},
            unknown_model=Unknown.REFUSE,
        ),
    ),
    "everything": Policy(
        loops=Loops(25, similarity_threshold=1.0, repeats=5, window=500, hint=Hint.INJECT),
        mode=Mode.SHADOW,
        on_state_error=OnStateError.ALLOW,
        unrecognised=Unrecognised.REFUSE,
        checkpoints=Checkpoints(after=(After.AGENT, After.NODE), keep=7, max_age_days=0.5),
        notify=Notify("https://ada:secret@hooks.example:8443/x?y=z", ("mail", "-s", "5", "")),
        run_per=RunPer.TRACE,
        budgets=Budgets(
            run=Budget(
                usd=1,
                tokens=200_000,
                calls=50,
                warn_at=1.0,
                on_exceeded=OnExceeded.REFUSE,
                clamp=False,
                wait_s=0.0,
                reserve=Reserve.EXPECTED,
            ),
            tools={"search_web": Budget(usd=DOLLAR // 4), "a.b c": Budget(calls=3)},
            workflows={"nightly": Budget(tokens=1, per=Window.MONTH, timezone="Europe/Berlin")},
            tenants={
                "acme": Budget(usd=1000 * DOLLAR, per=Window.WEEK),
                "yes": Budget(usd=0),
            },
        ),
        breakers={
            "provider:openai": Breaker(
                error_threshold=0.25,
                min_calls=4,
                consecutive_failures=7,
                window_s=30.0,
                cooldown_s=1.5,
                max_cooldown_s=90.0,
                slow_call_s=20.0,
                slow_threshold=1.0,
                token_budget=200_000,
                usd_budget=5 * DOLLAR // 2,
                half_open_calls=3,
            ),
            "provider:*": Breaker(),
            "model:gpt-4o": Breaker(min_calls=1),
            "agent:a b": Breaker(),
            "tool:*": Breaker(),
        },
        prices=Prices(
            overrides={
                "openai/gpt-4o": PriceOverride(
                    input=2_500_000,
                    output=10_000_000,
                    cache_read=1_250_000,
                    cache_write=0,
                    cache_write_1h=1,
                    request=10_000_000,
                )
            },
            aliases={"my-deployment": "other", "other": "gpt-4o"},
            unknown_model=Unknown.FALLBACK,
            fallback=PriceOverride(input=30_000_000, output=60_000_000),
        ),
    ),
}


@pytest.mark.parametrize("path", sorted((HERE / "good").iterdir()), ids=lambda path: path.stem)
def test_a_good_file_is_the_policy_it_says(path: Path) -> None:
    assert load_policy(path) == GOOD[path.stem]


@pytest.mark.parametrize("path", sorted((HERE / "bad").iterdir()), ids=lambda path: path.stem)
def test_a_bad_file_fails_with_the_message_in_its_first_line(path: Path) -> None:
    expected = path.read_bytes().splitlines()[0].decode().removeprefix("# ")

    with pytest.raises(ConfigError) as raised:
        load_policy(path)

    separator = ": " if expected.startswith("is ") else ":"
    assert str(raised.value) == f"{path}{separator}{expected}"


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_its_lines() -> None:
    text = "version: 1\nbudgets:\n  run: {calls: -1}\n  runs: 5\n  run: 6\nmode: 1\n"

    with pytest.raises(PolicyFileError) as raised:
        parse_policy(text, source="mine.yaml")

    assert raised.value.problems == (
        "mine.yaml:3: budgets.run.calls: '-1' is not a positive whole number (write 200_000)",
        "mine.yaml:4: budgets.runs: unknown key (did you mean run?)",
        "mine.yaml:5: budgets.run: is written twice (first on line 3)",
        "mine.yaml:6: mode: '1' is not one of enforce, shadow",
    )


def test_a_text_beyond_one_mebibyte_is_refused() -> None:
    with pytest.raises(PolicyFileError, match=r"^wflo\.yaml:1: is larger than 1 MiB$"):
        parse_policy("version: 1\n" + "#" * 2**20)


def test_a_file_of_very_many_values_is_refused_before_it_is_read_through() -> None:
    text = "version: 1\nmode: [" + "a," * 30_000 + "}"

    with pytest.raises(PolicyFileError, match=r":2: cannot be read: has more than 10,000 values$"):
        parse_policy(text)


def test_no_time_zone_is_believed_where_none_can_be_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wflo_otel.config.values._timezones", frozenset)
    text = "version: 1\nbudgets: {{tenants: {{acme: {{usd: 1, per: day, timezone: {}}}}}}}\n"

    with pytest.raises(PolicyFileError, match="install the package tzdata"):
        parse_policy(text.format("Europe/Berlin"))

    assert parse_policy(text.format("UTC")).budgets.tenant("acme") is not None


WORDS = r"""
version 1 budgets run agents prices overrides aliases usd tokens per day fallback : { } [ ] , - ? |
> & * &a *a << ! !!str % @ ` # ' " \ ~ 1_0 .inf 1e9 010 é
"""
SPACES = ["\n", "\n  ", "\t", " ", ": ", ": {", "\x07", "\ud800", "\r", "\u2028"]
SCRAPS = st.sampled_from(WORDS.split() + SPACES)


def problems(text: str) -> tuple[str, ...]:
    try:
        parse_policy(text)
    except PolicyFileError as error:
        return error.problems
    return ()


@settings(deadline=None)
@given(st.lists(SCRAPS | st.text(string.printable, max_size=5), max_size=40).map("".join))
def test_whatever_is_written_is_a_policy_or_has_problems_of_one_line(scraps: str) -> None:
    for text in (scraps, f"version: 1\n{scraps}", f"version: 1\nbudgets: {{run: {{{scraps}}}}}"):
        assert all(problem.isprintable() for problem in problems(text))


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_name_may_be_an_agent_and_reads_as_written(name: str) -> None:
    quoted = "'" + name.replace("'", "''") + "'"
    try:
        policy = parse_policy(f"version: 1\nbudgets: {{agents: {{{quoted}: 1}}}}")
    except PolicyFileError:
        assert not name.isprintable() or not name.strip()
        return
    # YAML folds line breaks in quotes; all else stays.
    assert list(policy.budgets.agents) == [name] or not name.isprintable()
