"""The classes of other libraries that come back from a checkpoint as what they were.

The rule: nothing is imported for it. Where a library is not loaded, the program cannot be waiting
for its objects.
"""

from __future__ import annotations

import sys

#: Their modules; of those all classes that are data, by the name of their base.
_ARRAYS, _MESSAGES = "numpy", "langchain_core.messages"


def loaded_types() -> tuple[type, ...]:
    """The arrays of numpy and the messages of LangChain, where these are loaded."""
    array = getattr(sys.modules.get(_ARRAYS), "ndarray", None)
    messages = sys.modules.get(_MESSAGES)
    base = getattr(messages, "BaseMessage", None)
    found = [array, *_below(messages, base)] if isinstance(base, type) else [array]
    return tuple(each for each in found if isinstance(each, type))


def _below(module: object, base: type) -> list[type]:
    named = [getattr(module, name) for name in getattr(module, "__all__", ())]
    return [each for each in named if isinstance(each, type) and issubclass(each, base)]
