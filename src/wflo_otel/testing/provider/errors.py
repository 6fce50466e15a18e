"""Errors as each provider words them."""

from __future__ import annotations

from collections.abc import Callable

from wflo_otel.testing.provider.request import JsonObject, ReceivedRequest

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


def google_error(status: int, message: str, error_type: str | None = None) -> JsonObject:
    """Return the body of an error response."""
    kind = error_type or ("RESOURCE_EXHAUSTED" if status == 429 else "INTERNAL")
    return {"error": {"code": status, "message": message, "status": kind}}


def bedrock_error(status: int, message: str, error_type: str | None = None) -> JsonObject:
    """Return the body of an error response."""
    kind = error_type or ("ThrottlingException" if status == 429 else "InternalServerException")
    return {"message": message, "__type": kind}


def cohere_error(status: int, message: str, error_type: str | None = None) -> JsonObject:
    """Return the body of an error response, which says no more than the status does."""
    del status, error_type
    return {"message": message}


def is_anthropic(request: ReceivedRequest) -> bool:
    """Tell whether an Anthropic client asks."""
    return "anthropic-version" in request.headers


def error_of(request: ReceivedRequest) -> Callable[..., JsonObject]:
    """Choose the shape of an error by who asks."""
    path = request.path.partition("?")[0]
    if is_anthropic(request):
        return anthropic_error
    if path.endswith(("GenerateContent", "generateContent")):
        return google_error
    if path.endswith(("/v2/chat", "/v2/embed")):
        return cohere_error
    return bedrock_error if "/converse" in path else openai_error
