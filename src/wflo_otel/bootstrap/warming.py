"""The price catalogue, loaded beside a program's client library and not on the path of a call.

It takes a fifth of a second; a program that imports no client is spared it. The rule: the thread
is no daemon. What it imports is native code, and a Python that ends while a daemon is in there
aborts, so that the exit code would not be the program's.

What the catalogue imports and a program looks at, too, is imported before the thread: a module
that another thread has half imported is in ``sys.modules`` already, and openai 2 looks there.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache
from importlib import import_module
from types import ModuleType

from wflo_otel.metering.prices import CataloguePrices

#: Who imports one of these is going to call a model.
_CLIENTS = ("httpx", "httpx2", "aiohttp", "botocore")
#: The client that the catalogue imports.
_OF_THE_CATALOGUE = "httpx2"


@cache
def load_prices_with_first_client() -> None:
    """Load the catalogue as soon as a client is imported, or now. Idempotent."""
    from wrapt import register_post_import_hook

    for name in _CLIENTS:
        register_post_import_hook(_imported, name)


def _imported(_: ModuleType) -> None:
    with suppress(ImportError):  # a catalogue that does without it
        import_module(_OF_THE_CATALOGUE)
    _load()


@cache
def _load() -> None:
    with suppress(RuntimeError):  # Python is ending: there is no call to be quick for
        threading.Thread(target=CataloguePrices().warm, name="wflo-prices").start()
