"""Whether a budget holds: 64 callers in each of 4 processes, one dollar, a cent a call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from extent import times
from measure import Row, Target

from wflo_otel.testing import Reply, ScriptedProvider
from wflo_otel.testing.provider.bill import Tokens, price_of

_BUDGET = Decimal(1)
_CALLERS, _PROCESSES = times(64, 2), times(4, 2)
_MODEL, _OUTPUT, _INPUT = "gpt-4o", 990, 8
_CALLER = Path(__file__).with_name("overspend_caller.py")


def rows() -> list[Row]:
    """Spend the dollar, with the output cap in the request and without."""
    return [row for capped in (True, False) for row in _spent(capped=capped)]


def _spent(*, capped: bool) -> list[Row]:
    price = price_of(_MODEL)
    assert price is not None
    affordable = int(_BUDGET / price.cost(Tokens(_INPUT, _OUTPUT)))
    with ScriptedProvider() as provider, tempfile.TemporaryDirectory() as folder:
        provider.default = Reply(output_tokens=_OUTPUT, input_tokens=_INPUT)
        _run_callers(provider.openai_url, Path(folder) / "state.db", _OUTPUT if capped else None)
        provider.wait_until_idle()
        billed = provider.bill.total_usd
        whole = sum(each.tokens.output == _OUTPUT for each in provider.bill.entries)
    how = f"{_CALLERS} callers x {_PROCESSES} processes, $1.00, SQLite"
    cap = "with max_tokens" if capped else "without max_tokens"
    return [
        Row(f"overspend, {how}, {cap}", max(0.0, float(billed - _BUDGET)), "$", target=_NOTHING),
        Row("… affordable calls that were answered in full", whole / affordable, "", target=_MOST),
    ]


_NOTHING, _MOST = Target("most", 0.0), Target("least", 0.95)


def _run_callers(url: str, state: Path, cap: int | None) -> None:
    environ = {
        **os.environ,
        "WFLO_STATE": f"sqlite:///{state}",
        "WFLO_RUN_ID": "overspend",
        "WFLO_BUDGET_USD": str(_BUDGET),
    }
    told = json.dumps({"url": url, "callers": _CALLERS, "model": _MODEL, "cap": cap})
    running = [
        subprocess.Popen([sys.executable, str(_CALLER), told], env=environ)
        for _ in range(_PROCESSES)
    ]
    for process in running:
        if code := process.wait(timeout=300):
            raise RuntimeError(f"a calling process ended with {code}")
