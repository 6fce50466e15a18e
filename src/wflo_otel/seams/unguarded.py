"""Model calls that pass by the guard, over clients in which it does not stand, and are noticed.

The rule: nothing of such a request is read but its method and its address, and whether it may go
is for whoever is told of it to say, by raising.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import ModuleType
from typing import Any, TypeAlias

from wflo_otel.seams.active import active
from wflo_otel.seams.http.flight import in_flight
from wflo_otel.seams.open_call import is_offered
from wflo_otel.wire.api import RouteKind
from wflo_otel.wire.route import recognise

#: Is told what passes by; what it raises reaches the program.
Told: TypeAlias = Callable[[str], None]

#: Libraries whose requests cannot be seen, and what is said once one is imported.
UNSEEN: Mapping[str, str] = {
    "google.cloud.aiplatform": "google-cloud-aiplatform is loaded, which calls over gRPC",
    "google.generativeai": "google-generativeai is loaded, which calls over gRPC",
    "pycurl": "pycurl is loaded",
    "xai_sdk": "xai-sdk is loaded, which calls over gRPC",
}
#: Below ``requests`` and all that is built on it, and used by itself.
_SEEN = "urllib3.connectionpool"


def watch(told: Told) -> None:
    """Have it told when a model is called, or may be, by what is not guarded."""
    from wrapt import register_post_import_hook

    register_post_import_hook(partial(_watch_pools, told), _SEEN)
    for name, said in UNSEEN.items():
        register_post_import_hook(partial(_imported, told, said), name)


def _imported(told: Told, said: str, _: ModuleType) -> None:
    told(said)


def _watch_pools(told: Told, module: Any) -> None:
    original = module.HTTPConnectionPool.urlopen

    @wraps(original)
    def urlopen(self: Any, method: str, url: str, *more: Any, **options: Any) -> Any:
        where = url if "://" in url else f"{self.scheme}://{self.host}:{self.port}{url}"
        if _passes_by(method, where):
            told(f"a model was called at {self.host} over urllib3 or requests")
        return original(self, method, url, *more, **options)

    module.HTTPConnectionPool.urlopen = urlopen


def _passes_by(method: str, url: str) -> bool:
    """Whether this calls a model, and neither a guarded client nor a decorator counts it."""
    now = active()
    if now is None or not now.guards or in_flight() is not None:
        return False
    route = recognise(method, url)
    return route is not None and route.kind is RouteKind.CALL and not is_offered()
