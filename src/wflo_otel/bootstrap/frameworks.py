"""Frameworks are guarded when they are imported, by the module that knows them.

The integrations lie further out than this layer, so only their names stand here.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

#: What a framework imports first, and who is called with it.
INTEGRATIONS = {
    "langgraph.pregel._runner": "wflo_otel.integrations.langgraph",
    "crewai": "wflo_otel.integrations.crewai",
    "langgraph.pregel.main": "wflo_otel.integrations.langgraph_checkpoints",
    "openai._base_client": "wflo_otel.integrations.stainless",
    "anthropic._base_client": "wflo_otel.integrations.stainless",
    "groq._base_client": "wflo_otel.integrations.stainless",
    "litellm": "wflo_otel.integrations.litellm",
    "botocore.endpoint": "wflo_otel.integrations.botocore",
}

_hooked: set[str] = set()


def install() -> None:
    """Have each framework guarded as soon as it is there, or now. Idempotent."""
    from wrapt import register_post_import_hook

    for name in INTEGRATIONS:
        if name not in _hooked:
            _hooked.add(name)
            register_post_import_hook(_imported, name)


def _imported(module: ModuleType) -> None:
    import_module(INTEGRATIONS[module.__name__]).install(module)
