"""Laying the guard on the HTTP libraries, now or when they are imported, and lifting it.

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
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from wflo_otel.errors import ConfigError
from wflo_otel.seams.http import background
from wflo_otel.seams.http.aiohttp import aiohttp_targets
from wflo_otel.seams.http.botocore import botocore_targets
from wflo_otel.seams.http.collection import unwatch_collections, watch_collections
from wflo_otel.seams.http.patch import httpx_targets
from wflo_otel.seams.http.probe import arrives
from wflo_otel.seams.http.target import Target

Targets = Callable[[ModuleType], list[Target]]

#: What is imported where a library is, and which of its methods are guarded then.
GUARDED: dict[str, Targets] = {
    "httpx": httpx_targets,
    "httpx2": httpx_targets,
    "aiohttp": aiohttp_targets,
    "botocore.httpsession": botocore_targets,
}


@dataclass(frozen=True, slots=True)
class Patch:
    """One method of one class, and both of its versions."""

    owner: type
    method: str
    original: Any
    guarded: Any
    probe: Callable[[Any], object] | None

    def lift(self) -> bool:
        """Put the original back; False where somebody has wrapped the guard meanwhile."""
        if self.owner.__dict__.get(self.method) is not self.guarded:
            return False
        setattr(self.owner, self.method, self.original)
        return True

    def is_reached(self) -> bool:
        """Whether a request comes to the guard, by the method as it stands now."""
        return self.probe is None or arrives(self.probe, getattr(self.owner, self.method))

    @property
    def title(self) -> str:
        """The method's name, such as ``httpx.Client.send``, and whose it is by now."""
        package = self.owner.__module__.partition(".")[0]
        name = f"{package}.{self.owner.__name__}.{self.method}"
        whose = str(getattr(getattr(self.owner, self.method), "__module__", package))
        return name if whose.startswith(package) else f"{name} (replaced by {whose})"


_lock = threading.RLock()
_patches: dict[tuple[type, str], Patch] = {}
_is_installed = False
_waits_for: set[str] = set()


def install() -> list[str]:
    """Guard every library; those that are not imported yet, when they are. Idempotent.

    Returns:
        What is guarded, such as ``httpx2 2.16.2``.

    Raises:
        ConfigError: a library has another shape than the guard knows.
    """
    from wrapt import register_post_import_hook

    global _is_installed  # noqa: PLW0603  # one per process, by design
    with _lock:
        _is_installed = True
        watch_collections()
        for name, targets in GUARDED.items():
            if name in sys.modules:  # another thread may be in the middle of importing it
                import_module(name)
            if name in _waits_for:
                _guard(targets, sys.modules.get(name))
            else:
                _waits_for.add(name)
                register_post_import_hook(partial(_guard, targets), name)
        return [said for name in GUARDED if (said := _said(name))]


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


def unreached() -> list[str]:
    """Name the guarded methods that a probe does not get through, as they stand in their classes.

    It is for a process in which a configuration that guards is in force. Nothing is sent.
    """
    with _lock:
        patches = list(_patches.values())
    return [each.title for each in patches if not each.is_reached()]


def _guard(targets: Targets, module: ModuleType | None) -> None:
    with _lock:
        if module is None or not _is_installed:
            return
        for patch in [_patch(module, target) for target in targets(module)]:
            if (patch.owner, patch.method) not in _patches:
                _patches[patch.owner, patch.method] = patch
                setattr(patch.owner, patch.method, patch.guarded)


def _patch(module: ModuleType, target: Target) -> Patch:
    owner, method = target.owner, target.method
    known = _patches.get((owner, method))
    if known is not None:
        return known
    original = owner.__dict__.get(method)
    if not callable(original) or not target.knows(list(inspect.signature(original).parameters)):
        raise _strange(module, target)
    return Patch(owner, method, original, target.guard(original), target.probe)


def _strange(module: ModuleType, target: Target) -> ConfigError:
    name = module.__name__.partition(".")[0]
    version = getattr(sys.modules.get(name, module), "__version__", "unknown")
    return ConfigError(
        f"{name} {version}: {target.owner.__name__}.{target.method} is not as wflo knows it, so "
        f"its requests cannot be guarded; refuse to start. Use a version of {name} that "
        f"this release of wflo knows, or a newer wflo."
    )


def _said(name: str) -> str | None:
    package = name.partition(".")[0]
    if name not in sys.modules:
        found = importlib.util.find_spec(package)
        return None if found is None else f"{package} (when imported)"
    if sys.modules[name].__name__ != name:
        return None
    return f"{package} {_version(package)}"


def _version(package: str) -> str:
    return str(getattr(sys.modules[package], "__version__", "unknown"))
