"""When the price catalogue is loaded, and what a program that ends meanwhile exits with."""

from __future__ import annotations

import subprocess
import sys

import pytest

_CONFIGURED = "from wflo_otel.bootstrap import configure; configure(state='memory://')\n"
_THREADS = "import threading; print([t.name for t in threading.enumerate()].count('wflo-prices'))\n"


def _ran(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_a_program_without_a_client_loads_no_catalogue() -> None:
    done = _ran(
        f"{_CONFIGURED}import sys, threading\n{_THREADS}print('genai_prices' in sys.modules)"
    )

    assert (done.returncode, done.stdout) == (0, "0\nFalse\n")


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_client_brings_the_catalogue_along(order: str) -> None:
    client = "import httpx\n"
    program = client + _CONFIGURED if order == "before" else _CONFIGURED + client
    wait = (
        "import threading; [t.join() for t in threading.enumerate() if t.name == 'wflo-prices']\n"
    )
    done = _ran(f"{program}{wait}import sys; print('genai_prices' in sys.modules)")

    assert (done.returncode, done.stdout) == (0, "True\n")


def test_a_program_that_ends_at_once_ends_as_it_would_alone() -> None:
    done = _ran(f"{_CONFIGURED}import httpx, sys; sys.exit(3)")

    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("client", ["httpx", "aiohttp.client", "botocore.session"])
def test_no_client_is_half_imported_beside_the_program(client: str) -> None:
    alone = _CONFIGURED.replace("state=", "providers=False, state=")

    done = _ran(f"{alone}import sys, {client}; sys.modules['httpx2'].URL")

    assert (done.returncode, done.stderr) == (0, "")
