"""Start-up without a line of the user's code: under ``wflo run``, and under OpenTelemetry's own.

The rule: fail closed. Where a policy was asked for and cannot be put in force, or does not hold
once it is, the program does not start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import NoReturn

from wflo_otel.bootstrap.configuration import SWITCHED_OFF, configuration, configure
from wflo_otel.bootstrap.self_test import must_hold
from wflo_otel.bootstrap.unguarded import allow_none, name_at_the_end
from wflo_otel.config import Settings, from_environment
from wflo_otel.config.environment import EXIT_UNGUARDED
from wflo_otel.context import continue_trace
from wflo_otel.core.policy import RunPer
from wflo_otel.errors import WfloError
from wflo_otel.seams import http


def start_up(environ: Mapping[str, str] = os.environ) -> None:
    """Configure this process from its environment, or end it: what ``wflo run`` begins with."""
    with failing_closed():
        settings = _start(environ, providers=True)
        if configuration() is not None:
            _insist()
            _insist_with_each_client()
        _warn(settings)


def pre_instrument() -> None:
    """Configure under ``opentelemetry-instrument``: its ``opentelemetry_pre_instrument`` hook.

    OpenTelemetry swallows whatever a hook raises and runs the program all the same; with a
    policy in the environment this one ends the program instead. Providers and instrumentations
    are OpenTelemetry's own here: it sets them up itself, and its spans are decided about too.
    """
    with failing_closed():
        settings = _start(os.environ, providers=False)
        if configuration() is not None:
            from wflo_otel.seams.spans.automatic import decide_by_spans  # the SDK is there already

            decide_by_spans()
            _insist()
            _insist_with_each_client()
        _warn(settings)


def post_instrument() -> None:
    """Look again when every instrumentation is installed: one may have replaced what is ours."""
    _insist()


def _start(environ: Mapping[str, str], *, providers: bool) -> Settings:
    """Put in force what the environment says, unless something is already."""
    settings = from_environment(environ)
    if settings.disabled:
        say_once(SWITCHED_OFF)
        return settings
    now = configuration() or configure(providers=providers)
    if settings.strict:
        allow_none()
    else:
        name_at_the_end(_say)
    # A server that continued one trace would serve all its requests in it, as one run.
    if now.policy().run_per is not RunPer.TRACE:
        continue_trace(environ)
    return settings


def _warn(settings: Settings) -> None:
    for warning in settings.warnings:
        _say(warning)


def _insist() -> None:
    """Have what is in force hold, or end the program; without a policy, say so once."""
    now = configuration()
    with failing_closed():
        if now is not None and (warning := must_hold(now)) is not None:
            say_once(warning)


@cache
def _insist_with_each_client() -> None:
    """Look at each client library when it is imported: at the start there is none yet."""
    from wrapt import register_post_import_hook

    for name in http.GUARDED:
        register_post_import_hook(_imported, name)


def _imported(_: ModuleType) -> None:
    _insist()


@contextmanager
def failing_closed(where: str = "") -> Iterator[None]:
    """End the program where the block cannot do its work. ``where`` begins the reason."""
    try:
        yield
    except WfloError as error:
        _refuse_to_start(f"{where}{error}")
    except Exception as error:  # noqa: BLE001  # whatever it is, the guard does not hold
        _refuse_to_start(
            f"{where}the guard could not be installed: {type(error).__name__}: {error}"
        )


def _refuse_to_start(reason: str) -> NoReturn:
    _say(f"refusing to start: {reason}")
    sys.stderr.flush()
    os._exit(EXIT_UNGUARDED)


@cache
def say_once(text: str) -> None:
    """Say this on standard error, the first time that it is to be said."""
    _say(text)


def _say(text: str) -> None:
    print(f"wflo: {text}", file=sys.stderr)  # noqa: T201  # before any logging is set up
