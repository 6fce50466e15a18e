"""What ``wflo run`` puts on a program's path: Python imports it before the program begins.

It brings the guard up, then hands over to the ``sitecustomize`` that it hides, if there is one.
"""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_HERE = str(Path(__file__).parent)


def _hidden_sitecustomize() -> None:
    """Run the one that would have been imported without us."""
    path = [entry for entry in sys.path if entry and Path(entry).resolve() != Path(_HERE).resolve()]
    spec = PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    module = type(sys)("sitecustomize")
    module.__spec__, module.__file__ = spec, spec.origin
    spec.loader.exec_module(module)


try:
    from wflo_otel.bootstrap.startup import start_up
except BaseException as error:  # noqa: BLE001  # Python would go on without us
    print(f"wflo: refusing to start: this Python cannot load wflo_otel ({error})", file=sys.stderr)  # noqa: T201
    sys.stderr.flush()
    os._exit(78)
start_up()
_hidden_sitecustomize()
