"""Admit a call, settle it: the order of things.

The engine turns a call into a question for the state, waits where only other calls stand in
the way, and turns what came of the call into money. It raises nothing to refuse: the seam that
saw the call does.
"""

from wflo_otel.engine.engine import Engine
from wflo_otel.engine.permit import Permit, Refusal

__all__ = ["Engine", "Permit", "Refusal"]
