"""LiteLLM: a refusal comes out of its functions, routers and streams as itself, untried again.

It maps whatever is an ``Exception`` to a class of its own, and its routers try that again. Its
requests need nothing here: they go through clients that are guarded.
"""

from __future__ import annotations

import sys
from types import ModuleType

from wflo_otel.seams.http.logical import Passage, as_one_call

_CALLS = (
    *("completion", "text_completion", "responses", "embedding", "rerank"),
    *("image_generation", "image_edit", "transcription", "speech"),
)
#: The classes that a stream's chunks are taken from, by module.
_STREAMS = {
    "litellm_core_utils.streaming_handler": ("CustomStreamWrapper",),
    "responses.streaming_iterator": (
        "ResponsesAPIStreamingIterator",
        "SyncResponsesAPIStreamingIterator",
    ),
}


def install(litellm: ModuleType) -> None:
    """Guard the package ``litellm``; called when it was imported. Idempotent.

    A function that a program took out of it before is not guarded there.
    """
    for owner in (litellm, getattr(litellm, "Router", None)):
        for name in _CALLS:
            as_one_call(owner, name, Passage)
            as_one_call(owner, f"a{name}", Passage)
    for module, classes in _STREAMS.items():
        streaming = sys.modules.get(f"litellm.{module}")
        for name in classes:
            owner = getattr(streaming, name, None)
            as_one_call(owner, "__next__", Passage)
            as_one_call(owner, "__anext__", Passage)
