"""Whether the guard will be up in a Python program, tried out before the program starts.

The rule: fail closed. The interpreter is started as the program's will be, with its options
and environment, and asked; where the guard is not in force, the program does not start.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from wflo_otel.cli.interpreter import Interpreter

_PROBE = (
    "import sys; m = sys.modules.get('wflo_otel.bootstrap'); "
    "sys.exit(0 if m is not None and m.configuration() is not None else {unguarded})"
)
#: The probe's own answer, so that it differs from whatever else may go wrong.
_UNGUARDED = 79
#: A Python that does not start in this time is not what a user wants to wait for, in seconds.
_PATIENCE_S = 60.0

#: Why the start-up hook is not loaded under an option, and what to do about it.
_CULPRITS: Mapping[str, str] = {
    "I": "python -I ignores PYTHONPATH, so the guard is not loaded; leave -I out",
    "E": "python -E ignores PYTHONPATH, so the guard is not loaded; leave -E out",
    "S": "python -S skips site, so the guard is not loaded; leave -S out",
}


def problem_of(interpreter: Interpreter, environ: Mapping[str, str]) -> str | None:
    """Start the interpreter and look; return why the guard would not hold, on one line."""
    if interpreter.runs_nothing:
        return None
    probe = [*interpreter.argv, "-c", _PROBE.format(unguarded=_UNGUARDED)]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own interpreter
            probe,
            env=_probing(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{interpreter.argv[0]} did not start within {_PATIENCE_S:g} seconds"
    if done.returncode == 0:
        return None
    return _reason(interpreter, done.returncode, done.stderr.decode("utf-8", "replace"))


def _probing(environ: Mapping[str, str]) -> dict[str, str]:
    """The program's environment, but for what would leave traces of the probe, or takes long."""
    left_out = {"WFLO_RUN_ID", "PYTHONINSPECT"}
    probing = {name: value for name, value in environ.items() if name not in left_out}
    return probing | {
        "WFLO_STATE": "memory://",
        "OTEL_SDK_DISABLED": "true",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
    }


def _reason(interpreter: Interpreter, code: int, stderr: str) -> str:
    for flag, why in _CULPRITS.items():
        if flag in interpreter.flags:
            return why
    if code == _UNGUARDED:
        return (
            f"{interpreter.argv[0]} did not load the start-up hook; is it a Python whose site "
            "module is switched off?"
        )
    said = [line for line in stderr.splitlines() if line.startswith("wflo: refusing to start: ")]
    if said:
        reason = said[-1].removeprefix("wflo: refusing to start: ")
        missing = "No module named 'wflo_otel'" in reason
        return f"{reason}; install wflo-otel into {interpreter.argv[0]}" if missing else reason
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "it says nothing")
    return f"{interpreter.argv[0]} cannot start (exit code {code}): {last.strip()}"
