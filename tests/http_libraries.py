"""The HTTP client libraries that this environment has, for tests that hold for each."""

from importlib import import_module
from importlib.util import find_spec

import pytest

LIBRARIES = [import_module(name) for name in ("httpx", "httpx2") if find_spec(name)]

each_library = pytest.mark.parametrize(
    "library", LIBRARIES, ids=[library.__name__ for library in LIBRARIES]
)

BODY = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Say hello"}],
    "max_tokens": 50,
}
