"""Which request is which API.

The host is parsed, never matched by prefix. A gateway, a deployment or a local server is
recognised by the end of its path; whether the body fits is then ``WireApi.ask``'s to say.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from wflo_otel.wire.anthropic_messages import AnthropicMessages
from wflo_otel.wire.api import Route, RouteKind
from wflo_otel.wire.dialects import dialect_of
from wflo_otel.wire.openai_chat import OpenAIChat
from wflo_otel.wire.openai_completions import OpenAICompletions
from wflo_otel.wire.openai_embeddings import OpenAIEmbeddings
from wflo_otel.wire.openai_responses import OpenAICompact, OpenAIResponses

#: What an API is built from: the dialect of its host.
_Api = type[OpenAIChat] | type[OpenAIResponses] | type[OpenAIEmbeddings] | type[AnthropicMessages]

#: Ends of the path of a POST, the longest first.
_POSTS: tuple[tuple[tuple[str, ...], _Api, RouteKind], ...] = (
    (("v1", "messages", "count_tokens"), AnthropicMessages, RouteKind.FREE),
    (("v1", "messages", "batches"), AnthropicMessages, RouteKind.FREE),
    (("responses", "input_tokens"), OpenAIResponses, RouteKind.FREE),
    (("responses", "compact"), OpenAICompact, RouteKind.CALL),
    (("chat", "completions"), OpenAIChat, RouteKind.CALL),
    (("v1", "messages"), AnthropicMessages, RouteKind.CALL),
    (("completions",), OpenAICompletions, RouteKind.CALL),
    (("embeddings",), OpenAIEmbeddings, RouteKind.CALL),
    (("responses",), OpenAIResponses, RouteKind.CALL),
)
#: Where stored responses lie, and how their ids begin at hosts that are not known.
_STORED: tuple[tuple[tuple[str, ...], _Api, str], ...] = (
    (("responses",), OpenAIResponses, "resp"),
    (("chat", "completions"), OpenAIChat, "chatcmpl"),
)
_LAST = frozenset(ends[-1] for ends, _, _ in _POSTS)


def recognise(method: str, url: str) -> Route | None:
    """Say which API a request goes to; ``None``: none that is known, or nothing that is paid."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    segments = tuple(filter(None, parts.path.split("/")))
    if not segments:
        return None
    if method.upper() == "POST":
        if segments[-1] in _LAST:
            return _post(host, segments, parts.path, parts.query)
        if segments[-1] == "cancel":
            return _stored(host, segments[:-1], parts.path)
    elif method.upper() == "GET":
        return _stored(host, segments, parts.path)
    return None


def _post(host: str, segments: tuple[str, ...], path: str, query: str) -> Route | None:
    for ends, api, kind in _POSTS:
        if segments[-len(ends) :] == ends:
            dialect = dialect_of(host, path, _api_version(query))
            return Route(
                api=api(dialect),
                kind=kind,
                provider_hint=dialect.provider,
                model_hint=_deployment(segments),
            )
    return None


def _stored(host: str, segments: tuple[str, ...], path: str) -> Route | None:
    for ends, api, start in _STORED:
        if segments[-len(ends) - 1 : -1] != ends:
            continue
        dialect = dialect_of(host, path, None)
        if dialect.provider is not None or segments[-1].startswith(start):
            return Route(
                api=api(dialect),
                kind=RouteKind.FETCH,
                provider_hint=dialect.provider,
                response_id=segments[-1],
            )
    return None


def _api_version(query: str) -> str | None:
    if "api-version" not in query:
        return None
    return parse_qs(query).get("api-version", [None])[0]


def _deployment(segments: tuple[str, ...]) -> str | None:
    """The deployment in ``…/deployments/{name}/chat/completions``."""
    if "deployments" not in segments[:-1]:
        return None
    return segments[segments.index("deployments") + 1]
