"""What was paid for is found again by what was asked, and where the run goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_calls import checkpoint
from wflo_otel.core.checkpoint import SEALED, Checkpoint, branched
from wflo_otel.core.results import (
    KeptResult,
    Replay,
    Result,
    read,
    request_key,
    since,
    written,
)
from wflo_otel.errors import CheckpointCodecError

BODY = b'{"model": "m", "messages": [1, 2]}'
HERE = ("POST", "api.example", "/v1/chat")


def result(key: str, body: bytes = b"", line: str = "") -> Result:
    return Result(line, key, body)


def kept(payload: bytes, after: str = "", codec: str = "result/1") -> KeptResult:
    return KeptResult("r", after, 0.0, payload, codec)


@pytest.mark.parametrize("body", [b'{"messages":[1,2],"model":"m"}', BODY])
def test_a_request_is_the_same_whatever_the_order_of_its_keys(body: bytes) -> None:
    assert request_key(*HERE, body) == request_key(*HERE, BODY)


@pytest.mark.parametrize(
    "other",
    [
        ("GET", "api.example", "/v1/chat", BODY),
        ("POST", "other.example", "/v1/chat", BODY),
        ("POST", "api.example", "/v1/other", BODY),
        (*HERE, b'{"model": "m", "messages": [2, 1]}'),
    ],
)
def test_another_request_has_another_name(other: tuple[str, str, str, bytes]) -> None:
    assert request_key(*other) != request_key(*HERE, BODY)


@pytest.mark.parametrize("body", [b"", b"--form", b"\xff", b"[" * 100_000])
def test_what_is_no_json_has_no_name(body: bytes) -> None:
    assert request_key(*HERE, body) is None


@pytest.mark.parametrize("body", [b"", b"one\ntwo\n", bytes(range(256))])
def test_a_result_is_read_as_it_was_written(body: bytes) -> None:
    made = Result("lead/writer", "k", body, 200, {"content-type": "text/event-stream"})

    assert read(kept(written(made))) == made


@pytest.mark.parametrize(
    "damaged",
    [
        kept(b""),
        kept(b"{}\n"),
        kept(b"1\n"),
        kept(b"\xff\n"),
        kept(written(result("k")), codec="result/9"),
        kept(written(result("k")).removesuffix(b"\n")),
    ],
)
def test_a_damaged_result_is_said_to_be_one(damaged: KeptResult) -> None:
    with pytest.raises(CheckpointCodecError, match="damaged, or of another version"):
        read(damaged)


def test_an_encrypted_result_asks_for_the_key() -> None:
    with pytest.raises(CheckpointCodecError, match="set WFLO_CHECKPOINT_KEY"):
        read(kept(b"x", codec="result/1" + SEALED))


def branch(source: Checkpoint, checkpoint_id: str) -> Checkpoint:
    return branched(source, checkpoint_id=checkpoint_id, run_id="r", created_at=9.0)


A, B = checkpoint("a", b"1"), replace(checkpoint("b", b"2"), parent="a")
BACK = branch(B, "back")
AGAIN = branch(BACK, "again")
SAVED = [A, B, BACK, AGAIN]
RESULTS = [kept(b"0"), kept(b"1", "a"), kept(b"2", "b"), kept(b"3", "back")]


@pytest.mark.parametrize(
    ("checkpoint_id", "expected"),
    [
        (None, RESULTS),
        ("a", RESULTS[1:]),
        ("b", RESULTS[2:]),
        ("back", RESULTS[2:]),
        ("again", RESULTS[2:]),
        ("gone", RESULTS),
    ],
)
def test_what_came_after_a_checkpoint_also_came_after_its_branches(
    checkpoint_id: str | None, expected: list[KeptResult]
) -> None:
    assert since(RESULTS, SAVED, checkpoint_id) == expected


def test_a_branch_of_what_is_gone_stands_for_itself() -> None:
    assert since(RESULTS, [BACK], "back") == RESULTS[3:]


def test_the_same_question_is_answered_in_order_and_once_each() -> None:
    replay = Replay([result("k", b"1"), result("k", b"2")])

    assert [replay.model("", "k"), replay.model("", "k")] == [result("k", b"1"), result("k", b"2")]
    assert replay.is_over
    assert replay.model("", "k") is None


def test_another_question_ends_the_replay_of_its_line() -> None:
    replay = Replay([result("k"), result("k", line="writer")])

    assert replay.model("", "other") is None
    assert replay.model("", "k") is None
    assert not replay.is_over
    assert replay.model("writer", "k") == result("k", line="writer")


def test_a_tool_that_is_not_known_ends_nothing() -> None:
    replay = Replay([result("k"), result("t")])

    assert replay.tool("", "other") is None
    assert replay.tool("", "t") == result("t")
    assert replay.model("", "k") == result("k")
