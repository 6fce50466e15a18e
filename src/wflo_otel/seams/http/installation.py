"""Laying the guard on ``httpx`` and ``httpx2``, now or when they are imported, and lifting it.

Libraries are told apart by the identity of their classes, not by name: ``httpx2.alias_httpx()``
makes one of the two. The rule: a library whose private method is not as it is known is not
guarded half; the program is refused instead.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook

from wflo_otel.errors import ConfigError
from wflo_otel.seams.http import background
from wflo_otel.seams.http.collection import unwatch_collections, watch_collections
from wflo_otel.seams.http.library import Library, library_of
from wflo_otel.seams.http.patch import (
    client_sends,
    client_sends_async,
    transport_sends,
    transport_sends_async,
)

NAMES = ("httpx", "httpx2")

#: Which class of a library, which method, and what stands in its place.
_TARGETS: tuple[tuple[str, str, Callable[[Any, Library], Any]], ...] = (
    ("Client", "_send_single_request", client_sends),
    ("AsyncClient", "_send_single_request", client_sends_async),
    ("HTTPTransport", "handle_request", transport_sends),
    ("AsyncHTTPTransport", "handle_async_request", transport_sends_async),
)


@dataclass(frozen=True, slots=True)
class Patch:
    """One method of one class, and both of its versions."""

    owner: type
    method: str
    original: Any
    guarded: Any

    def lift(self) -> bool:
        """Put the original back; False where somebody has wrapped the guard meanwhile."""
        if self.owner.__dict__.get(self.method) is not self.guarded:
            return False
        setattr(self.owner, self.method, self.original)
        return True


_lock = threading.RLock()
_patches: dict[tuple[type, str], Patch] = {}
_is_installed = False
_waits_for: set[str] = set()


def install() -> list[str]:
    """Guard both libraries; those that are not imported yet, when they are. Idempotent.

    Returns:
        What is guarded, such as ``httpx2 2.16.2``.

    Raises:
        ConfigError: a library has another shape than the guard knows.
    """
    global _is_installed  # noqa: PLW0603  # one per process, by design
    with _lock:
        _is_installed = True
        watch_collections()
        for name in NAMES:
            if name in _waits_for:
                _guard(sys.modules.get(name))
            else:
                _waits_for.add(name)
                register_post_import_hook(_guard, name)
        return [said for name in NAMES if (said := _said(name))]


def uninstall() -> None:
    """Put the libraries' own methods back. Idempotent.

    A method that somebody else has wrapped since keeps the guard inside, where it does nothing
    without a configuration in force.
    """
    global _is_installed  # noqa: PLW0603  # one per process, by design
    with _lock:
        _is_installed = False
        unwatch_collections()
        background.forget()
        for key, patch in list(_patches.items()):
            if patch.lift():
                del _patches[key]


def _guard(module: ModuleType | None) -> None:
    with _lock:
        if module is None or not _is_installed:
            return
        library = library_of(module)
        patches = [
            _patch(library, getattr(module, owner), method, guard)
            for owner, method, guard in _TARGETS
        ]
        for patch in patches:
            if (patch.owner, patch.method) not in _patches:
                _patches[patch.owner, patch.method] = patch
                setattr(patch.owner, patch.method, patch.guarded)


def _patch(
    library: Library, owner: type, method: str, guard: Callable[[Any, Library], Any]
) -> Patch:
    known = _patches.get((owner, method))
    if known is not None:
        return known
    original = owner.__dict__.get(method)
    _check(library, owner, method, original)
    return Patch(owner, method, original, guard(original, library))


def _check(library: Library, owner: type, method: str, found: object) -> None:
    if callable(found):
        names = list(inspect.signature(found).parameters)
        if names == ["self", "request"]:
            return
    raise ConfigError(
        f"{library.name} {library.version}: {owner.__name__}.{method} is not as wflo knows it, so "
        f"its requests cannot be guarded; refuse to start. Use a version of {library.name} that "
        f"this release of wflo knows, or a newer wflo."
    )


def _said(name: str) -> str | None:
    module = sys.modules.get(name)
    if module is None:
        return None if importlib.util.find_spec(name) is None else f"{name} (when imported)"
    if module.__name__ != name:
        return None
    return f"{name} {getattr(module, '__version__', 'unknown')}"
