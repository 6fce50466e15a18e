"""What the doctor says: findings about this machine, and verdicts on SDKs. Values only.

The rule: a verdict follows from what the caller saw and from what arrived at the provider, and
from nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    #: Good to know; nothing is broken.
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    level: Level
    says: str
    #: What to do about it.
    todo: str = ""


class Verdict(StrEnum):
    """What became of a call that must not leave; from the best to the worst."""

    #: Nothing arrived, and the caller got our own error.
    HOLDS = "holds"
    #: Nothing arrived, but the caller got another error, or none.
    WRAPPED = "wrapped"
    #: It was not sent, and nobody refused it.
    UNPROBED = "could not be probed"
    #: It was refused, and arrived all the same.
    OBSERVES = "observe only"
    #: It arrived.
    UNGUARDED = "unguarded"


_WORSE = tuple(Verdict)
_UNPROVED = "nothing is proved of it: see what hinders it, or use @track_llm_call"
_DECORATE = "put @track_llm_call on the function that calls it"


@dataclass(frozen=True, slots=True)
class Way:
    """One way of an SDK to send a request, judged."""

    way: str
    verdict: Verdict
    #: The library whose client refused.
    seam: str
    #: The class of what the caller got; empty where it got no error.
    error: str
    #: How many requests arrived at the provider.
    requests: int
    #: Why it could not be probed.
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sdk:
    """An SDK or framework that is installed here."""

    name: str
    version: str
    ways: tuple[Way, ...] = ()
    #: Why none of its ways could be probed.
    why: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of its ways."""
        return max((each.verdict for each in self.ways), key=_WORSE.index, default=Verdict.UNPROBED)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be said beside the table."""
        if not self.ways:
            says = f"could not be probed: {self.why}"
            return (Finding(self.name, Level.PROBLEM, says, _UNPROVED),)
        return tuple(found for each in self.ways if (found := _said(self.name, each)) is not None)

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        ways = [asdict(each) for each in self.ways]
        named = {"name": self.name, "version": self.version, "verdict": self.verdict}
        return {**named, "why": self.why, "ways": ways}


def judge(attempt: Mapping[str, Any], requests: int) -> Way:
    """Judge one way by what its caller saw and by how many requests arrived."""
    error, refused = attempt["error"], attempt["refused"]
    why = ""
    if requests:
        verdict = Verdict.OBSERVES if refused else Verdict.UNGUARDED
    elif attempt["typed"]:
        verdict = Verdict.HOLDS
    elif refused:
        verdict = Verdict.WRAPPED
    else:
        verdict = Verdict.UNPROBED
        why = f"{error}: {attempt['said']}" if error else "it sent nothing, and raised nothing"
    return Way(attempt["way"], verdict, attempt["seam"], error, requests, why)


def _said(name: str, way: Way) -> Finding | None:
    if way.verdict is Verdict.HOLDS:
        return None
    if way.verdict is Verdict.WRAPPED:
        got = f"{way.error} in its place" if way.error else "no error at all"
        todo = "catch that; the stop holds all the same"
        return Finding(name, Level.NOTE, f"{way.way}: refused, but the caller gets {got}", todo)
    if way.verdict is Verdict.UNPROBED:
        says = f"{way.way}: could not be probed: {way.why}"
        return Finding(name, Level.PROBLEM, says, _UNPROVED)
    arrived = "the request arrived" if way.requests == 1 else f"{way.requests} requests arrived"
    refused = " although it was refused" if way.verdict is Verdict.OBSERVES else ""
    return Finding(name, Level.PROBLEM, f"{way.way}: {arrived}{refused}", _DECORATE)


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found."""

    sdks: tuple[Sdk, ...]
    checks: tuple[Finding, ...]

    @property
    def of_sdks(self) -> tuple[Finding, ...]:
        """What is to be said of the SDKs."""
        return tuple(found for each in self.sdks for found in each.findings)

    @property
    def problems(self) -> int:
        """How many findings are problems."""
        return sum(each.level is Level.PROBLEM for each in (*self.of_sdks, *self.checks))

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "ok": not self.problems,
            "sdks": [each.as_json() for each in self.sdks],
            "checks": [asdict(each) for each in self.checks],
        }
