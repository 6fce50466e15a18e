"""A bounded number of inputs that a fuzzer makes up, where one is installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from effort import LONG

FUZZER = Path(__file__).with_name("wire_fuzzer.py")


@pytest.mark.optional
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
def test_nothing_that_a_fuzzer_makes_up_breaks_the_wire(tmp_path: Path) -> None:
    runs = 2_000_000 if LONG else 20_000
    options = (
        f"-runs={runs}",
        "-max_total_time=240",
        "-max_len=2048",
        "-timeout=5",  # seconds for one input
        "-rss_limit_mb=1024",
        "-seed=7",
        f"-artifact_prefix={tmp_path}/",
    )
    done = subprocess.run(
        [sys.executable, str(FUZZER), *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
