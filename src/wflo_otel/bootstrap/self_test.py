"""Whether what was installed holds: a probe request and a probe span must reach what decides.

The rule: nothing is sent, charged, kept or exported by it. It takes less than 5 ms, so each
start without a line of the user's code runs it.
"""

from __future__ import annotations

import sys

from wflo_otel.bootstrap.configuration import Configuration
from wflo_otel.core.policy import Mode, Policy
from wflo_otel.errors import ConfigError
from wflo_otel.seams import http


def must_hold(now: Configuration) -> str | None:
    """Try what is in force; return a warning where it does not hold, but nothing is refused by it.

    Raises:
        ConfigError: it does not hold, and its policy refuses calls. The message has the remedy.
    """
    problem = _problem_of(now)
    if problem is None:
        return None
    policy = now.policy()
    if policy.mode is Mode.ENFORCE and policy != Policy():
        raise ConfigError(problem)
    return f"not everything is counted: {problem}"


def _problem_of(now: Configuration) -> str | None:
    missed = http.unreached() if now.active.guards else []
    if missed:
        return (
            f"a probe request did not reach the guard: {', '.join(missed)}. Load what replaces "
            "it before wflo starts, or leave it out"
        )
    if not _spans_arrive():
        return (
            "a probe span did not reach wflo's span processor: the tracer provider, its sampler "
            "or its processors were replaced after wflo started. Let wflo start last, or leave "
            "out what replaces them"
        )
    return None


def _spans_arrive() -> bool:
    if "wflo_otel.seams.spans.automatic" not in sys.modules:
        return True
    from wflo_otel.seams.spans.automatic import is_told

    return is_told()
