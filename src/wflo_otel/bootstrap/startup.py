"""Start-up without a line of the user's code: under ``wflo run``, and under OpenTelemetry's own.

The rule: fail closed. Where a policy was asked for and cannot be put in force, the program
does not start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from wflo_otel.bootstrap.configuration import SWITCHED_OFF, configuration, configure
from wflo_otel.config import from_environment
from wflo_otel.config.environment import EXIT_UNGUARDED
from wflo_otel.context import continue_trace
from wflo_otel.errors import WfloError


def start_up(environ: Mapping[str, str] = os.environ, *, providers: bool = True) -> None:
    """Configure this process from its environment, or end it.

    ``providers``: whether to set up what is missing of OpenTelemetry, too.
    """
    try:
        settings = from_environment(environ)
        if settings.disabled:
            _say(SWITCHED_OFF)
            return
        continue_trace(environ)
        if configuration() is None:
            configure(providers=providers)
    except WfloError as error:
        _refuse_to_start(str(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, the guard does not hold
        _refuse_to_start(f"the guard could not be installed: {type(error).__name__}: {error}")
    for warning in settings.warnings:
        _say(warning)


def pre_instrument() -> None:
    """Configure under ``opentelemetry-instrument``: its ``opentelemetry_pre_instrument`` hook.

    OpenTelemetry swallows whatever a hook raises and runs the program all the same; with a
    policy in the environment this one ends the program instead. Providers and instrumentations
    are OpenTelemetry's own here: it sets them up itself, and its spans are decided about too.
    """
    start_up(providers=False)
    if configuration() is not None:
        from wflo_otel.seams.spans.automatic import decide_by_spans  # the SDK is there already

        decide_by_spans()


def _refuse_to_start(reason: str) -> None:
    _say(f"refusing to start: {reason}")
    sys.stderr.flush()
    os._exit(EXIT_UNGUARDED)


def _say(text: str) -> None:
    print(f"wflo: {text}", file=sys.stderr)  # noqa: T201  # before any logging is set up
