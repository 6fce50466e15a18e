"""Token estimates: close where text is plain, high enough where it is hostile, and learning."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.call import Ask, Operation
from wflo_otel.core.usage import Usage
from wflo_otel.metering import tokens
from wflo_otel.metering.ranks import Ranks
from wflo_otel.metering.scripts import weigh, weigh_all
from wflo_otel.metering.tokens import LearningEstimator

NOWHERE = Ranks(Path("/nowhere-at-all"))
PROSE = "The committee met on Tuesday to discuss the budget for the coming year. "


def estimator(capacity: int = 64) -> LearningEstimator:
    return LearningEstimator(NOWHERE, capacity)


def ask(model: str | None = "gpt-4o", *texts: str, **changes: object) -> Ask:
    fields: dict[str, object] = {
        "operation": Operation.CHAT,
        "provider": "openai",
        "model": model,
        "messages": 1,
        "text_chars": sum(map(len, texts)),
        "texts": texts,
    }
    return Ask(**{**fields, **changes})  # type: ignore[arg-type]


def learned(model: str, used: int, times: int = 1, **changes: object) -> LearningEstimator:
    estimates = estimator()
    for _ in range(times):
        estimates.learn(ask(model, PROSE, **changes), None, Usage(used, 5), whole=True)
    return estimates


# --- by the table ----------------------------------------------------------------------------


def test_prose_is_estimated_within_a_quarter() -> None:
    """OpenAI's o200k vocabulary makes 13 tokens of the sentence, with its final space."""
    found = estimator().input_tokens(ask("gpt-4o", PROSE * 100))

    assert 0.75 * 1_410 <= found.expected <= 1.25 * 1_410
    assert found.expected <= found.upper <= 2 * found.expected


@pytest.mark.parametrize(
    ("dense", "sparse"),
    [("claude-opus-4-7", "claude-sonnet-4-5"), ("gemini-2.5-pro", "gpt-4o"), ("unheard-of", "o3")],
)
def test_families_count_the_same_text_differently(dense: str, sparse: str) -> None:
    estimates, text = estimator(), PROSE * 50

    assert (
        estimates.input_tokens(ask(dense, text)).expected
        > estimates.input_tokens(ask(sparse, text)).expected
    )


def test_tools_bring_a_hidden_prompt_with_them() -> None:
    without = estimator().input_tokens(ask("claude-sonnet-4-5", PROSE))
    with_tools = estimator().input_tokens(ask("claude-sonnet-4-5", PROSE, tools_chars=440))

    assert with_tools.expected - without.expected == 512 + 100
    assert with_tools.upper - without.upper > 1.5 * 612


def test_each_message_and_a_schema_add_to_the_input() -> None:
    plain = estimator().input_tokens(ask("gpt-4o", PROSE))
    more = estimator().input_tokens(ask("gpt-4o", PROSE, messages=11, schema_chars=440))

    assert more.expected - plain.expected == 70 + 90


def test_an_embedding_has_no_frame() -> None:
    found = estimator().input_tokens(
        ask("text-embedding-3-small", "hello", operation=Operation.EMBEDDINGS)
    )

    assert found.expected == 1


def test_characters_without_their_text_count_as_plain_ones() -> None:
    seen = estimator().input_tokens(ask("gpt-4o", PROSE * 10))
    unseen = estimator().input_tokens(ask("gpt-4o", text_chars=len(PROSE) * 10))

    assert unseen.expected == seen.expected
    assert unseen.upper >= seen.upper


def test_media_count_as_large_ones_at_most() -> None:
    plain = estimator().input_tokens(ask("gpt-4o-mini", PROSE))
    two = estimator().input_tokens(ask("gpt-4o-mini", PROSE, media_parts=2))

    assert two.expected - plain.expected == 2_000
    assert two.upper - plain.upper == 98_000


def test_a_call_without_a_model_is_estimated_cautiously() -> None:
    known = estimator().input_tokens(ask("gpt-4o", PROSE))

    assert estimator().input_tokens(ask(None, PROSE)).upper > known.upper


def test_an_estimate_never_goes_beyond_what_any_model_reads() -> None:
    found = estimator().input_tokens(ask("gpt-4o", text_chars=10**12))

    assert found.expected == found.upper == tokens.LARGEST_CONTEXT


# --- hostile text ----------------------------------------------------------------------------

#: By name: a text, and what it comes to in the denser of OpenAI's two public vocabularies.
HOSTILE = {
    "spaced digits": ("7 " * 2_000, 4_000),
    "lines of one letter": ("a\n" * 2_000, 4_000),
    "control characters": ("\x01\x02\x03\x1f" * 500, 2_000),
    "rare han": ("\u3400\u4d10\u3f2a" * 500, 4_500),
    "cuneiform": ("\U00012000\U00012111" * 500, 4_000),
    "combining marks": ("a\u0350\u0361" * 500, 2_500),
    "syriac": ("\u0710\u0712\u0729" * 500, 3_000),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4", "claude-sonnet-4-5", "unheard-of"])
def test_the_upper_bound_holds_for_text_made_to_be_expensive(name: str, model: str) -> None:
    text, came_to = HOSTILE[name]

    assert estimator().input_tokens(ask(model, text)).upper >= came_to


@pytest.mark.parametrize(
    ("alphabet", "per_char"),
    [
        ("abcdefghijklmnopqrstuvwxyz", 0.54),
        ("xqzjkvw", 0.66),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0.60),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 0.66),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 0.72),
        ("0123456789abcdef", 0.57),
        ("!@#$%^&*()_+-=[]{}|;:,.<>?/~", 0.67),
        (" \t\n\r", 0.51),
    ],
)
def test_the_upper_bound_holds_for_random_letters(alphabet: str, per_char: float) -> None:
    """``per_char`` is what OpenAI's denser vocabulary makes of such text, measured."""
    text = "".join(random.Random(1).choices(alphabet, k=4_000))

    assert estimator().input_tokens(ask("gpt-4", text)).upper >= per_char * 4_000


def test_a_blob_does_not_hide_between_long_texts() -> None:
    blob = "".join(random.Random(1).choices("xqzjkvw", k=4_000))
    prose = PROSE * 100

    apart = weigh(prose).upper + weigh(blob).upper

    assert weigh_all((prose, blob, "short")).upper >= apart


@given(st.text(max_size=300))
def test_no_text_weighs_more_tokens_at_most_than_three_for_each_byte(text: str) -> None:
    weight = weigh(text)

    assert weight.utf8_bytes == len(text.encode(errors="surrogatepass"))
    assert 0 <= weight.upper <= 3 * weight.utf8_bytes
    assert 0 <= weight.ascii_chars <= len(text)


def test_half_a_surrogate_pair_is_weighed_too() -> None:
    assert estimator().input_tokens(ask("gpt-4o", "\ud83d" * 10)).upper >= 30


@pytest.mark.parametrize(
    "text", ["これはテストです。", "Это тестовый текст. ", "한국어 문장입니다. "]
)
def test_other_scripts_are_expected_to_be_denser_than_english(text: str) -> None:
    wide = estimator().input_tokens(ask("gpt-4o", text * 50))
    plain = estimator().input_tokens(ask("gpt-4o", "a" * len(text) * 50))

    assert wide.expected > plain.expected


# --- learning --------------------------------------------------------------------------------


def test_the_first_call_corrects_the_next_estimate_at_once() -> None:
    estimates = learned("claude-sonnet-4-5", 600)

    assert estimates.input_tokens(ask("claude-sonnet-4-5", PROSE * 20)).expected >= 550


def test_the_upper_bound_covers_what_an_earlier_call_missed() -> None:
    before = estimator().input_tokens(ask("gpt-4o", PROSE))

    after = learned("gpt-4o", 4 * before.upper).input_tokens(ask("gpt-4o", PROSE))

    assert before.upper < 4 * before.upper <= after.upper


def test_a_hidden_prompt_is_added_to_a_text_of_any_size() -> None:
    short, long = ask("gpt-4o", PROSE), ask("gpt-4o", PROSE * 200)
    before = estimator().input_tokens(long).upper

    after = learned("gpt-4o", 14_000).input_tokens(long).upper

    assert estimator().input_tokens(short).upper < 200
    assert before + 13_800 <= after <= before + 15_000


def test_text_that_is_denser_than_expected_scales_the_upper_bound() -> None:
    estimates, large = estimator(), ask("gpt-4o", PROSE * 100)
    raw = estimates.input_tokens(large)

    estimates.learn(large, None, Usage(3 * raw.expected, 1), whole=True)

    ten_times = estimates.input_tokens(ask("gpt-4o", PROSE * 1_000))
    assert ten_times.upper >= 29 * raw.expected


def test_the_worst_is_forgotten_slowly() -> None:
    estimates = learned("gpt-4o", 14_000)
    worst = estimates.input_tokens(ask("gpt-4o", PROSE)).upper

    for _ in range(100):
        estimates.learn(ask("gpt-4o", PROSE), None, Usage(20, 1), whole=True)

    assert estimates.input_tokens(ask("gpt-4o", PROSE)).upper < worst / 20


def test_a_low_count_lowers_what_is_expected_and_not_the_upper_bound() -> None:
    before = estimator().input_tokens(ask("gpt-4o", PROSE))

    after = learned("gpt-4o", 5, times=50).input_tokens(ask("gpt-4o", PROSE))

    assert after.expected < before.expected
    assert after.upper == before.upper


def test_later_calls_move_a_correction_by_a_fifth() -> None:
    estimates = estimator()
    raw = estimates.input_tokens(ask("gpt-4o", PROSE * 100)).expected

    for used in (2 * raw, raw):
        estimates.learn(ask("gpt-4o", PROSE * 100), None, Usage(used, 1), whole=True)

    now = estimates.input_tokens(ask("gpt-4o", PROSE * 100)).expected
    assert now == pytest.approx(1.8 * raw, rel=0.01)


def test_a_correction_belongs_to_its_model_and_tools() -> None:
    estimates = estimator()
    estimates.learn(ask("gpt-4o", PROSE, tool_set="a"), None, Usage(900, 1), whole=True)
    untaught = estimator().input_tokens(ask("gpt-4o", PROSE))

    for other in (ask("gpt-4o", PROSE, tool_set="b"), ask("gpt-4.1", PROSE, tool_set="a")):
        assert estimates.input_tokens(other) == untaught


@pytest.mark.parametrize(
    ("usage", "changes"),
    [
        (Usage(0, 5), {}),
        (Usage(90_000, 5, summed=True), {}),
        (Usage(90_000, 5), {"media_parts": 1}),
    ],
)
def test_counts_that_say_nothing_of_the_text_teach_nothing(
    usage: Usage, changes: dict[str, object]
) -> None:
    estimates = estimator()
    estimates.learn(ask("gpt-4o", PROSE, **changes), None, usage, whole=True)

    assert estimates.input_tokens(ask("gpt-4o", PROSE)) == estimator().input_tokens(
        ask("gpt-4o", PROSE)
    )


def test_a_hidden_history_is_unknown_until_such_a_call_told_its_size() -> None:
    hidden = ask("gpt-4o", PROSE, hidden_history=True)
    visible = estimator().input_tokens(ask("gpt-4o", PROSE)).upper
    estimates = estimator()

    before = estimates.input_tokens(hidden)
    estimates.learn(hidden, None, Usage(9_000, 1_000), whole=True)
    after = estimates.input_tokens(hidden)

    assert before.upper == visible + tokens.HISTORY_UNSEEN
    assert after.upper == visible + 20_000
    assert after.expected > 10_000


def test_what_tools_at_the_provider_bring_in_is_learned_from_counts_over_all_passes() -> None:
    searching = ask("gpt-4o", PROSE, server_tools=True)
    visible = estimator().input_tokens(ask("gpt-4o", PROSE)).upper
    estimates = estimator()

    before = estimates.input_tokens(searching)
    estimates.learn(searching, None, Usage(50_000, 1_000, summed=True), whole=True)

    assert before.upper == visible + tokens.HISTORY_UNSEEN
    assert estimates.input_tokens(searching).upper == visible + 102_000


def test_a_short_history_still_leaves_room_for_a_longer_one() -> None:
    hidden = ask("gpt-4o", PROSE, hidden_history=True)
    estimates = estimator()

    estimates.learn(hidden, None, Usage(40, 10), whole=True)

    visible = estimator().input_tokens(ask("gpt-4o", PROSE)).upper
    assert estimates.input_tokens(hidden).upper == visible + tokens.HISTORY_LEAST


def test_a_hidden_history_does_not_correct_the_text() -> None:
    estimates = estimator()
    estimates.learn(ask("gpt-4o", PROSE, hidden_history=True), None, Usage(90_000, 5), whole=True)

    assert estimates.input_tokens(ask("gpt-4o", PROSE)) == estimator().input_tokens(
        ask("gpt-4o", PROSE)
    )


# --- outputs ---------------------------------------------------------------------------------


def test_an_output_is_at_least_a_token_for_each_chunk() -> None:
    estimates = estimator()

    assert estimates.output_tokens("gpt-4o", 480, 1) == 100
    assert estimates.output_tokens("gpt-4o", 480, 150) == 150
    assert estimates.output_tokens(None, 0, 0) == 0


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("gpt-4o", 16_384),
        ("gpt-4o-mini-2024-07-18", 16_384),
        ("gpt-4.1-mini", 32_768),
        ("gpt-4-turbo", 4_096),
        ("gpt-4", 8_192),
        ("gpt-4-0613", 8_192),
        ("gpt-3.5-turbo", 4_096),
        ("o1", 100_000),
        ("o3-mini", 100_000),
        ("openai/o4-mini", 100_000),
        ("gpt-5.4", 128_000),
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-latest", 8_192),
        ("claude-sonnet-4-20250514", 64_000),
        ("us.anthropic.claude-sonnet-4-5-v1:0", 64_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-5", 64_000),
        ("claude-opus-4-7", 128_000),
        ("text-embedding-3-small", 0),
        ("never-heard-of-it", 128_000),
        (None, 128_000),
    ],
)
def test_a_model_answers_at_most_so_much(model: str | None, most: int) -> None:
    assert estimator().max_output("openai", model) == most


def test_what_calls_need_is_known_after_three_whole_answers() -> None:
    estimates, call = estimator(), ask("gpt-4o", PROSE)
    seen = []

    for output in (300, 100, 200):
        seen.append((estimates.needed_output(call, "a"), estimates.expected_output(call, "a")))
        estimates.learn(call, "a", Usage(10, output), whole=True)

    assert seen == [(None, None)] * 3
    assert (estimates.needed_output(call, "a"), estimates.expected_output(call, "a")) == (100, 300)


def test_only_the_last_thirty_two_answers_count() -> None:
    estimates, call = estimator(), ask("gpt-4o", PROSE)

    for output in (1, 9_999, *[50] * 32):
        estimates.learn(call, None, Usage(10, output), whole=True)

    assert (estimates.needed_output(call, None), estimates.expected_output(call, None)) == (50, 50)


def test_an_answer_that_was_cut_or_empty_says_nothing_of_what_is_needed() -> None:
    estimates, call = estimator(), ask("gpt-4o", PROSE)

    for _ in range(5):
        estimates.learn(call, None, Usage(10, 7), whole=False)
        estimates.learn(call, None, Usage(10, 0), whole=True)

    assert estimates.needed_output(call, None) is None


def test_several_choices_share_the_output() -> None:
    estimates, call = estimator(), ask("gpt-4o", PROSE, choices=4)

    for _ in range(3):
        estimates.learn(call, None, Usage(10, 401), whole=True)

    assert estimates.needed_output(call, None) == 101


def test_agents_do_not_share_what_they_need() -> None:
    estimates, call = estimator(), ask("gpt-4o", PROSE)

    for _ in range(3):
        estimates.learn(call, "writer", Usage(10, 50), whole=True)

    assert estimates.needed_output(call, "writer") == 50
    assert estimates.needed_output(call, "reader") is None


# --- bounds ----------------------------------------------------------------------------------


def test_many_names_leave_no_more_than_the_capacity() -> None:
    estimates = estimator(capacity=50)

    for number in range(5_000):
        call = ask(f"model-{number}", "hello", tool_set=str(number))
        estimates.input_tokens(call)
        estimates.learn(call, f"agent-{number}", Usage(9, 9), whole=True)

    assert len(estimates._families) <= 50
    assert len(estimates._learned) <= 50
    assert len(estimates._outputs._seen) <= 50


def test_threads_that_learn_at_once_lose_no_answer() -> None:
    estimates, call = estimator(), ask("gpt-4o", PROSE)

    def learn(output: int) -> None:
        for _ in range(100):
            estimates.learn(call, str(output), Usage(20, output), whole=True)
            estimates.input_tokens(call)

    threads = [threading.Thread(target=learn, args=(number + 1,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [estimates.needed_output(call, str(number + 1)) for number in range(8)] == [*range(1, 9)]
