"""The file that results are kept in: what was measured, part by part, and on which machine.

The rule: all parts are of one machine. One that is measured anew replaces itself; on another
machine, it replaces everything.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from machine import machine, today

LATEST = Path(__file__).parent / "results" / "latest.json"


def load(path: Path) -> dict[str, Any]:
    """What is known, by ``machine``, ``parts`` (ours) and ``observers`` (all that observe)."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def keep(path: Path, section: str, measured: dict[str, object]) -> None:
    """Put what was measured today into a section of the file."""
    here = machine()
    known = load(path) if path.exists() else {}
    if known.get("machine") != here:
        known = {"machine": here, "parts": {}, "observers": {}}
    dated = {name: {"date": today(), "found": found} for name, found in measured.items()}
    known[section] |= dated
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
