"""Errors as each provider words them."""

from __future__ import annotations

from wflo_otel.testing.provider.request import JsonObject

_OPENAI = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}
_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def openai_error(status: int, message: str, error_type: str | None = None) -> JsonObject:
    """Return the body of an error response."""
    kind = error_type or _OPENAI.get(status, "server_error")
    code = "rate_limit_exceeded" if kind == "rate_limit_error" else error_type
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic_error(status: int, message: str, error_type: str | None = None) -> JsonObject:
    """Return the body of an error response."""
    kind = error_type or _ANTHROPIC.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": None}
