"""The policy in force: given in code, or a file that is read again when it changes."""

from __future__ import annotations

import logging
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from wflo_otel.config import PolicyFile, with_run_budget
from wflo_otel.core.policy import Policy

log = logging.getLogger("wflo_otel")

PolicySource: TypeAlias = Policy | str | PathLike[str] | None
Usd: TypeAlias = Decimal | int | float | str


class PolicyInForce:
    """Calling it gives the policy; :meth:`refresh` looks whether the file has changed."""

    def __init__(self, source: PolicySource, budget_usd: Usd | None) -> None:
        self._budget_usd = budget_usd
        self._file = (
            None if source is None or isinstance(source, Policy) else PolicyFile(Path(source))
        )
        self._policy = self._tightened(source if isinstance(source, Policy) else Policy())
        if self._file is not None:
            self._policy = self._tightened(self._file.policy)

    def __call__(self) -> Policy:
        return self._policy

    @property
    def path(self) -> Path | None:
        """Where the policy came from, where that is a file."""
        return None if self._file is None else self._file.path

    def refresh(self) -> None:
        """Read a file that has changed; a bad one keeps the old policy, and says so."""
        if self._file is None or not self._file.changed():
            return
        problem = self._file.reload()
        if problem is not None:
            log.error("wflo: the policy file is bad, the old policy stays: %s", problem)
            return
        self._policy = self._tightened(self._file.policy)
        log.info("wflo: policy reloaded from %s", self._file.path)

    def _tightened(self, policy: Policy) -> Policy:
        if self._budget_usd is None:
            return policy
        return with_run_budget(policy, self._budget_usd)
