"""What belongs to one run, and works in it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from wflo_otel.context import Frame
from wflo_otel.seams.active import Active


class InRun(ABC):
    """Whoever has a run, and opens it when it is used."""

    @property
    @abstractmethod
    def run_id(self) -> str:
        """The run."""

    @abstractmethod
    def _open(self) -> Active:
        """The configuration in force; the run is open in it."""

    @abstractmethod
    def _frame(self) -> Frame:
        """Who is calling in this run."""
