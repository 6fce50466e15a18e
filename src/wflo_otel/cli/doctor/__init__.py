"""``wflo doctor``: what guards each SDK that is installed here, proved, and whether all is well."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wflo_otel.cli.doctor import outlook, surroundings
from wflo_otel.cli.doctor.display import print_json, print_tables, progress
from wflo_otel.cli.doctor.findings import Examination
from wflo_otel.cli.doctor.probing import probe_all
from wflo_otel.cli.probes import Probe, installed
from wflo_otel.errors import ConfigError

__all__ = ["chosen", "examine", "print_json", "print_tables"]


def chosen(names: Sequence[str]) -> list[Probe]:
    """The probes with these names; without any, of everything that is installed here.

    Raises:
        ConfigError: a name is none of them.
    """
    there = {each.name: each for each in installed()}
    for name in names:
        if name not in there:
            raise ConfigError(f"there is no probe of {name} here; there is: {', '.join(there)}")
    return [there[name] for name in dict.fromkeys(names or there)]


def examine(
    probes: Sequence[Probe], policy: str | None, state: str | None, timeout_s: float
) -> Examination:
    """Look at this machine, and run the probes.

    Args:
        probes: what is probed.
        policy: the policy file; by default the one that ``wflo run`` would take.
        state: the state's URL; by default that of ``wflo run``.
        timeout_s: after so many seconds a probe is killed.
    """
    environ = dict(os.environ)
    with progress(len(probes)) as tell:
        read, variables = surroundings.settings(environ)
        checks = (
            *surroundings.interpreter(environ),
            *variables,
            *surroundings.policy(policy, read),
            *surroundings.state(state, read),
            *outlook.metering(),
            *outlook.telemetry(environ),
            *outlook.unseen(),
        )
        return Examination(tuple(probe_all(probes, timeout_s, tell)), checks)
