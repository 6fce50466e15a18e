"""Print the reference page."""

import sys

from wflo_otel.telemetry.semconv.reference import markdown

if __name__ == "__main__":
    sys.stdout.write(markdown())
