"""Functions by name: ``module:qualname``, and the way back.

The rule: a reference is given only where it leads back to the function, decorated or not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wflo_otel.errors import DeadLetterError
from wflo_otel.seams.functions import inner_of


def reference_to(fn: object) -> tuple[str, str]:
    """Name a function, and say why it could not be found again; empty where it can."""
    inner = inner_of(fn)
    module = getattr(inner, "__module__", None) or ""
    qualname = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    named = f"{_importable(module)}:{qualname}"
    try:
        found = _walk(sys.modules.get(module), qualname)
    except AttributeError:
        found = None
    if _leads_to(found, fn):
        return named, ""
    return named, "the function cannot be found by its name (it is local, bound or a partial)"


def find(reference: str) -> Callable[..., Any]:
    """Import the module that a reference names, and return its function.

    Raises:
        DeadLetterError: there is no such function any more, or its module cannot be imported.
    """
    module, _, qualname = reference.partition(":")
    try:
        found = _walk(importlib.import_module(module), qualname)
    except (ImportError, AttributeError, ValueError) as error:
        raise DeadLetterError(f"{reference} is not found: {error}") from error
    if not callable(found):
        raise DeadLetterError(f"{reference} is no function any more")
    return found  # type: ignore[no-any-return]  # it is callable


def _importable(module: str) -> str:
    """A program's main module goes by another name when it is imported."""
    if module != "__main__":
        return module
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    path = getattr(main, "__file__", None)
    return Path(path).stem if path else module


def _walk(module: object, qualname: str) -> Any:
    found: Any = module
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _leads_to(found: object, fn: object) -> bool:
    seen: set[int] = set()
    while found is not None and found is not fn and id(found) not in seen:
        seen.add(id(found))
        found = getattr(found, "__wrapped__", None)
    return found is fn
