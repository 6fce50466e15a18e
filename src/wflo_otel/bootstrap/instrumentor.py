"""The instrumentor: wflo as OpenTelemetry starts whatever else it instruments.

The rule: its options are those of ``configure``, by the same names, and what goes wrong is
raised. OpenTelemetry swallows what an instrumentor raises, so where it is OpenTelemetry that
calls, the program ends instead.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Mapping
from os import PathLike
from typing import Any, Self, TypedDict, cast

# The type checker is told to skip that module, by its first line.
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from wflo_otel.bootstrap.configuration import SWITCHED_OFF, configuration, configure, shutdown
from wflo_otel.bootstrap.policies import PolicySource, Usd
from wflo_otel.bootstrap.self_test import must_hold
from wflo_otel.bootstrap.startup import failing_closed, say_once
from wflo_otel.config import from_environment, policy_of
from wflo_otel.config.problems import nearest, shown
from wflo_otel.core.policy import Policy
from wflo_otel.errors import ConfigError
from wflo_otel.seams import http

log = logging.getLogger("wflo_otel")

#: What OpenTelemetry says to every instrumentor, and is no option.
_OTEL_S_OWN = frozenset({"skip_dep_check", "raise_exception_on_conflict"})

_TEXT: tuple[type, ...] = (str,)
#: The options, and what each may be.
_OPTIONS: Mapping[str, tuple[type, ...]] = {
    "policy": (Policy, Mapping, str, PathLike),
    "state": _TEXT,
    "budget_usd": (int, float, str),
    "run_id": _TEXT,
    "run_name": _TEXT,
    "guard": (bool,),
}


class _Options(TypedDict, total=False):
    policy: PolicySource
    state: str
    budget_usd: Usd
    run_id: str
    run_name: str
    guard: bool


class WfloInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # it has no types
    """Puts a policy in force as OpenTelemetry's instrumentors are switched on and off.

    >>> WfloInstrumentor().instrument(policy="wflo.yaml")  # doctest: +SKIP
    """

    def __new__(cls) -> Self:
        """Make one; what is in force is the process's, so all are the same."""
        return object.__new__(cls)

    def instrumentation_dependencies(self) -> Collection[str]:
        """What must be installed: nothing."""
        return ()

    def instrument(self, **options: Any) -> None:
        """Put in force what the options and the environment say, and see that it holds.

        Without options whatever is in force already stays. With options it is replaced.

        Args:
            **options: ``policy`` (a path, a :class:`Policy`, or a mapping with the keys of a
                policy file), ``state``, ``budget_usd``, ``run_id``, ``run_name`` and ``guard``,
                as :func:`configure` has them.

        Raises:
            ConfigError: an option, the policy, the state or the environment is wrong, or the
                policy does not hold in this process.
        """
        given = {name: value for name, value in options.items() if name not in _OTEL_S_OWN}
        now = configuration()
        if given or now is None:
            now = configure(**_read(given), providers=False)
        if "opentelemetry.sdk.trace" in sys.modules:
            from wflo_otel.seams.spans.automatic import decide_by_spans

            decide_by_spans()
        if (warning := must_hold(now)) is not None:
            self._warn(warning)
        WfloInstrumentor._is_instrumented_by_opentelemetry = True

    def uninstrument(self, **options: Any) -> None:
        """Take down what is in force: settle, close the run, put the clients' methods back.

        The span processor stays on its provider, where it does nothing any more.
        """
        self._uninstrument(**options)
        WfloInstrumentor._is_instrumented_by_opentelemetry = False

    def _uninstrument(self, **options: Any) -> None:
        del options
        shutdown()
        http.uninstall()

    def _warn(self, warning: str) -> None:
        log.warning("wflo: %s", warning)


class FailClosedInstrumentor(WfloInstrumentor):
    """What OpenTelemetry loads by name, and from ``OTEL_CONFIG_FILE``: it ends the program."""

    def instrument(self, **options: Any) -> None:
        """Put in force what the options say, or end the program with exit code 78."""
        file = os.environ.get("OTEL_CONFIG_FILE")
        is_from_file = file and not _OTEL_S_OWN.intersection(options)
        where = f"{file}: instrumentation/development.python.wflo: " if is_from_file else ""
        with failing_closed(where):
            if from_environment(os.environ).disabled:
                say_once(SWITCHED_OFF)
                return
            super().instrument(**options)

    def _warn(self, warning: str) -> None:
        say_once(warning)


def _read(given: Mapping[str, object]) -> _Options:
    """Check the options, and read a policy that is written out.

    Raises:
        ConfigError: the message names the option.
    """
    for name, value in given.items():
        if name not in _OPTIONS:
            meant = nearest(name, _OPTIONS)
            hint = f"did you mean {meant}?" if meant else f"known: {', '.join(_OPTIONS)}"
            raise ConfigError(f"{shown(name)[1:-1]}: unknown option ({hint})")
        if not _is_one_of(value, _OPTIONS[name]):
            expected = " or ".join(kind.__name__ for kind in _OPTIONS[name])
            raise ConfigError(f"{name}: {type(value).__name__} where {expected} is expected")
    read = dict(given)
    if isinstance(policy := given.get("policy"), Mapping):
        read["policy"] = policy_of(policy)
    return cast("_Options", read)


def _is_one_of(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
