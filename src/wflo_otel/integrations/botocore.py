"""``botocore``: each operation of a client is one span, however often it is retried."""

from __future__ import annotations

from typing import Any

from wflo_otel.seams.http.logical import as_one_call


def install(endpoint: Any) -> None:
    """Guard ``botocore.endpoint``; called when it was imported. Idempotent."""
    as_one_call(endpoint.Endpoint, "_send_request")
