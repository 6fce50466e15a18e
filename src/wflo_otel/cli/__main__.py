"""``python -m wflo_otel.cli``: the ``wflo`` command of this very interpreter."""

from wflo_otel.cli import main

if __name__ == "__main__":
    main(prog_name="wflo")
