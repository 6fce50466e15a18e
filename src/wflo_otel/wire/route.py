"""Which request is which API.

The host is parsed, never matched by prefix. A gateway, a deployment or a local server is
recognised by the end of its path; whether the body fits is then ``WireApi.ask``'s to say.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlsplit

from wflo_otel.wire.anthropic_messages import AnthropicMessages
from wflo_otel.wire.api import Route, RouteKind, WireApi
from wflo_otel.wire.batches import BatchResults
from wflo_otel.wire.bedrock import BedrockConverse
from wflo_otel.wire.bedrock_invoke import BedrockInvoke
from wflo_otel.wire.cohere import CohereChat, CohereEmbed, CohereRerank
from wflo_otel.wire.dialects import Dialect, dialect_of
from wflo_otel.wire.gemini import GeminiContent, GeminiEmbeddings
from wflo_otel.wire.gemini_interactions import GeminiInteractions
from wflo_otel.wire.ollama import OllamaChat, OllamaEmbed, OllamaGenerate
from wflo_otel.wire.openai_chat import OpenAIChat
from wflo_otel.wire.openai_completions import OpenAICompletions
from wflo_otel.wire.openai_embeddings import OpenAIEmbeddings
from wflo_otel.wire.openai_media import OpenAIImages, OpenAISpeech, OpenAITranscriptions
from wflo_otel.wire.openai_responses import OpenAICompact, OpenAIResponses
from wflo_otel.wire.vertex_predict import VertexPredict

#: What an API is built from: the dialect of its host.
_Api = Callable[[Dialect], WireApi]
_CALL, _FREE = RouteKind.CALL, RouteKind.FREE

#: Ends of the path of a POST, the longest first.
_POSTS: tuple[tuple[tuple[str, ...], _Api, RouteKind], ...] = (
    (("v1", "messages", "count_tokens"), AnthropicMessages, _FREE),
    (("v1", "messages", "batches"), AnthropicMessages, _FREE),
    (("responses", "input_tokens"), OpenAIResponses, _FREE),
    (("responses", "compact"), OpenAICompact, _CALL),
    (("chat", "completions"), OpenAIChat, _CALL),
    (("v1", "messages"), AnthropicMessages, _CALL),
    (("images", "generations"), OpenAIImages, _CALL),
    (("images", "edits"), OpenAIImages, _CALL),
    (("images", "variations"), OpenAIImages, _CALL),
    (("audio", "transcriptions"), OpenAITranscriptions, _CALL),
    (("audio", "translations"), OpenAITranscriptions, _CALL),
    (("audio", "speech"), OpenAISpeech, _CALL),
    (("v1", "batches"), BatchResults, _FREE),
    (("v1", "chat"), CohereChat, _CALL),
    (("v2", "chat"), CohereChat, _CALL),
    (("v1", "embed"), CohereEmbed, _CALL),
    (("v2", "embed"), CohereEmbed, _CALL),
    (("api", "chat"), OllamaChat, _CALL),
    (("api", "generate"), OllamaGenerate, _CALL),
    (("api", "embed"), OllamaEmbed, _CALL),
    (("api", "embeddings"), OllamaEmbed, _CALL),
    (("completions",), OpenAICompletions, _CALL),
    (("embeddings",), OpenAIEmbeddings, _CALL),
    (("responses",), OpenAIResponses, _CALL),
    (("interactions",), GeminiInteractions, _CALL),
    (("rerank",), CohereRerank, _CALL),
    (("moderations",), OpenAIEmbeddings, _FREE),
    (("cachedContents",), GeminiContent, _FREE),
    (("tokenize",), OpenAIChat, _FREE),
)
#: Methods of Google's APIs, ``…/{model}:{method}``, and which of them stream.
_METHODS: dict[str, tuple[_Api, RouteKind, bool]] = {
    "generateContent": (GeminiContent, _CALL, False),
    "streamGenerateContent": (GeminiContent, _CALL, True),
    "embedContent": (GeminiEmbeddings, _CALL, False),
    "batchEmbedContents": (GeminiEmbeddings, _CALL, False),
    "countTokens": (GeminiContent, _FREE, False),
    "batchGenerateContent": (GeminiContent, _FREE, False),
    "asyncBatchEmbedContent": (GeminiEmbeddings, _FREE, False),
    "predict": (VertexPredict, _CALL, False),
    "rawPredict": (AnthropicMessages, _CALL, False),
    "streamRawPredict": (AnthropicMessages, _CALL, True),
}
#: What is done with a model at Bedrock, ``/model/{model}/{action}``, and which of it streams.
_ACTIONS: dict[str, tuple[_Api, RouteKind, bool]] = {
    "converse": (BedrockConverse, _CALL, False),
    "converse-stream": (BedrockConverse, _CALL, True),
    "invoke": (BedrockInvoke, _CALL, False),
    "invoke-with-response-stream": (BedrockInvoke, _CALL, True),
    "count-tokens": (BedrockConverse, _FREE, False),
}
#: Where stored responses lie: what stands before and after their ids, and how the ids begin at
#: hosts that are not known.
_STORED: tuple[tuple[tuple[str, ...], tuple[str, ...], _Api, str], ...] = (
    (("responses",), (), OpenAIResponses, "resp"),
    (("chat", "completions"), (), OpenAIChat, "chatcmpl"),
    (("interactions",), (), GeminiInteractions, "v1_"),
    (("files",), ("content",), BatchResults, "file-"),
    (("batches",), ("output",), BatchResults, "batch"),
    (("batches",), ("results",), BatchResults, "msgbatch"),
)
_LAST = frozenset(ends[-1] for ends, _, _ in _POSTS)


def recognise(method: str, url: str) -> Route | None:
    """Say which API a request goes to; ``None``: none that is known, or nothing that is paid."""
    where, _, query = url.partition("#")[0].partition("?")
    return _recognised(method, where, _api_version(query))


# A query may hold a key, so it is not remembered.
@lru_cache(maxsize=256)
def _recognised(method: str, where: str, api_version: str | None) -> Route | None:
    try:
        parts = urlsplit(where)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    segments = tuple(filter(None, parts.path.split("/")))
    if not segments:
        return None
    if method.upper() == "POST":
        return _posted(host, segments, parts.path, api_version)
    if method.upper() == "GET":
        return _stored(host, segments, parts.path)
    return None


def _posted(
    host: str, segments: tuple[str, ...], path: str, api_version: str | None
) -> Route | None:
    last = segments[-1]
    if last in _LAST:
        return _post(host, segments, path, api_version)
    if last in _ACTIONS:
        return _action(host, segments, path)
    if last == "cancel":
        return _stored(host, segments[:-1], path)
    model, colon, method = unquote(last).rpartition(":")
    return _method(host, segments, model, method) if colon and method in _METHODS else None


def _post(host: str, segments: tuple[str, ...], path: str, api_version: str | None) -> Route | None:
    for ends, api, kind in _POSTS:
        if segments[-len(ends) :] == ends:
            dialect = dialect_of(host, path, api_version)
            return Route(
                api=api(dialect),
                kind=kind,
                provider_hint=dialect.provider,
                model_hint=_deployment(segments),
            )
    return None


def _method(host: str, segments: tuple[str, ...], model: str, method: str) -> Route:
    api, kind, streaming = _METHODS[method]
    if model == "count-tokens":
        kind = RouteKind.FREE
    if api is AnthropicMessages and "anthropic" not in segments:
        api = OpenAIChat  # the other vendors' models at Vertex
    dialect = dialect_of(host, "", None)
    return Route(api(dialect), kind, dialect.provider, model or None, streaming=streaming)


def _action(host: str, segments: tuple[str, ...], path: str) -> Route | None:
    """A model is named by an id or by an ARN, whose slashes may stand as such."""
    if "model" not in segments[:-2]:
        return None
    api, kind, streaming = _ACTIONS[segments[-1]]
    dialect = dialect_of(host, path, None)
    model = unquote("/".join(segments[segments.index("model") + 1 : -1]))
    return Route(api(dialect), kind, dialect.provider, model, streaming=streaming)


def _stored(host: str, segments: tuple[str, ...], path: str) -> Route | None:
    for before, after, api, start in _STORED:
        ends = len(segments) - len(after)
        if segments[ends:] != after or segments[ends - len(before) - 1 : ends - 1] != before:
            continue
        named = segments[ends - 1]
        dialect = dialect_of(host, path, None)
        if dialect.provider is not None or named.startswith(start):
            return Route(
                api=api(dialect),
                kind=RouteKind.FETCH,
                provider_hint=dialect.provider,
                response_id=named,
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
