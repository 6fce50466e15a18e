"""What several commands are given."""

from __future__ import annotations

import click

STATE = click.option("--state", metavar="URL", help="Where the state is: sqlite:///PATH.")
