"""The recorded provider traffic, read in place where it is present."""

from __future__ import annotations

import functools
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wire_frames import frames_of

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def folder() -> Path | None:
    """Where the corpus is: ``SUITE_CORPUS``, else beside the repository; ``None``: nowhere."""
    found = Path(os.environ.get("SUITE_CORPUS") or _BESIDE)
    return found if (found / "exchanges.jsonl.gz").is_file() else None


@dataclass(frozen=True)
class Recorded:
    """One exchange, and the truth about it."""

    exchange: dict[str, Any]
    truth: dict[str, Any]

    @property
    def id(self) -> str:
        """Its id in the corpus."""
        return str(self.exchange["id"])

    @property
    def status(self) -> int:
        """The HTTP status; recordings without one were successful."""
        return self.exchange["status"] or 200

    @property
    def body(self) -> bytes:
        """The response, decoded; of Amazon's event streams the frames, put together again."""
        text = self.exchange["response_body"] or ""
        return frames_of(text) if self.is_framed else text.encode()

    @property
    def is_framed(self) -> bool:
        """Whether the response is one of Amazon's event streams."""
        return self.streams and "aws-eventstream" in (self.exchange["note"] or "")

    @property
    def headers(self) -> dict[str, str]:
        """The response's headers, by lower-case names."""
        found = self.exchange["response_headers"] or {}
        return {name.lower(): value for name, value in found.items()}

    @property
    def request(self) -> bytes:
        """The request's body."""
        return (self.exchange["request_body"] or "").encode()

    @property
    def streams(self) -> bool:
        """Whether the response is a stream."""
        return bool(self.exchange["streaming"]) and self.status < 400


@functools.cache
def recorded(*endpoints: str) -> tuple[Recorded, ...]:
    """The exchanges of these wire APIs."""
    where = folder()
    assert where is not None
    truths = {truth["id"]: truth for truth in _lines(where / "truth.jsonl.gz")}
    return tuple(
        Recorded(exchange, truths[exchange["id"]])
        for exchange in _lines(where / "exchanges.jsonl.gz")
        if exchange["endpoint"] in endpoints
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
