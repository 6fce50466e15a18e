"""What spans say, in every dialect that instrumentations speak: one table of words and keys.

The dialects are the GenAI conventions (newer and older names), OpenInference and OpenLLMetry.
The rules: a model call has one span, so where a span tells of one already, wflo completes it
and starts none of its own. Of equal facts under several keys the first in the row holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from opentelemetry.trace import Span, SpanKind

from wflo_otel.core.call import MODEL_CALLS, Operation
from wflo_otel.telemetry.semconv import attributes as a

Attributes: TypeAlias = Mapping[str, object]

#: Under which keys a fact stands.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "provider": (a.PROVIDER, "gen_ai.system", "llm.provider", "llm.system"),
    "asked_model": (
        a.REQUEST_MODEL,
        "llm.request.model_name",
        "llm.model_name",
        "embedding.model_name",
    ),
    "model": (
        a.RESPONSE_MODEL,
        "llm.response.model_name",
        "llm.model_name",
        "embedding.model_name",
    ),
    "response_id": (a.RESPONSE_ID,),
    "output_cap": (a.REQUEST_MAX_TOKENS, "llm.request.max_tokens"),
    "choices": ("gen_ai.request.choice.count",),
    "agent": (a.AGENT_NAME, "agent.name"),
    "tool": (a.TOOL_NAME, "tool.name"),
    "workflow": (a.WORKFLOW_NAME,),
    "entity": ("traceloop.entity.name",),
    "input_tokens": (a.INPUT_TOKENS, "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "output_tokens": (
        a.OUTPUT_TOKENS,
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "cache_read": (
        a.CACHE_READ_TOKENS,
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_write": (
        a.CACHE_WRITE_TOKENS,
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "cache_write_1h": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning": (
        a.REASONING_TOKENS,
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "input_audio": ("llm.token_count.prompt_details.audio",),
    "output_audio": ("llm.token_count.completion_details.audio",),
    "service_tier": ("openai.response.service_tier", "anthropic.response.service_tier"),
    "http_status": ("http.response.status_code", "http.status_code"),
    "error_type": (a.ERROR_TYPE, "exception.type"),
    "prompt": ("input.value", "gen_ai.input.messages"),
    "completion": ("output.value", "gen_ai.output.messages"),
}

#: Which value of which key says what kind of call it is.
_KINDS: Final[Mapping[str, Mapping[object, Operation]]] = {
    a.OPERATION: {
        **{each.value: each for each in Operation},
        "generate_content": Operation.CHAT,
    },
    a.SPAN_KIND: {
        "LLM": Operation.CHAT,
        "EMBEDDING": Operation.EMBEDDINGS,
        "TOOL": Operation.EXECUTE_TOOL,
        "AGENT": Operation.INVOKE_AGENT,
    },
    "llm.request.type": {
        "chat": Operation.CHAT,
        "completion": Operation.TEXT_COMPLETION,
        "embedding": Operation.EMBEDDINGS,
    },
    "traceloop.span.kind": {
        "tool": Operation.EXECUTE_TOOL,
        "agent": Operation.INVOKE_AGENT,
        "workflow": Operation.INVOKE_WORKFLOW,
    },
}

_ANY = "opentelemetry.instrumentation."
#: How spans are named whose attributes come at the end: by scope, kind and name.
_NAMES: Final[tuple[tuple[str, SpanKind | None, re.Pattern[str]], ...]] = (
    (
        _ANY,
        SpanKind.CLIENT,
        re.compile(
            r"(?P<operation>chat|text_completion|embeddings|generate_content) (?P<model>\S.*)"
        ),
    ),
    (
        _ANY,
        None,
        re.compile(r"(?P<operation>execute_tool|invoke_agent|invoke_workflow) (?P<name>\S.*)"),
    ),
    (_ANY + "openai", SpanKind.CLIENT, re.compile(r"openai\.(?P<operation>response)")),
    (_ANY + "langchain", SpanKind.CLIENT, re.compile(r"(?P<maker>\w+)\.(?P<operation>chat)")),
    (
        "openinference.instrumentation.langchain",
        None,
        re.compile(r"(?P<maker>(?:Azure|Vertex)?(?:Async)?Chat[A-Z]\w*)"),
    ),
)

#: How providers are called elsewhere.
_PROVIDERS: Final[Mapping[str, str]] = {
    "aws": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "vertexai": "gcp.vertex_ai",
    "mistralai": "mistral_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
#: Which provider a LangChain class calls, by how its name begins.
_MAKERS: Final[tuple[tuple[str, str], ...]] = (
    ("AzureChatOpenAI", "azure.ai.openai"),
    ("ChatOpenAI", "openai"),
    ("ChatAnthropic", "anthropic"),
    ("ChatMistral", "mistral_ai"),
    ("ChatGroq", "groq"),
    ("ChatDeepSeek", "deepseek"),
    ("ChatXAI", "x_ai"),
    ("ChatPerplexity", "perplexity"),
    ("ChatBedrock", "aws.bedrock"),
)


@dataclass(frozen=True, slots=True)
class Says:
    """What a span says of the call it tells of; what it does not say is ``None``."""

    operation: Operation
    scope: str = ""
    #: As ``gen_ai.provider.name`` has it; empty where it is not told.
    provider: str = ""
    model: str | None = None
    #: In tokens, per choice.
    output_cap: int | None = None
    choices: int = 1
    #: The agent, tool or workflow; on a model call the agent that calls.
    name: str | None = None
    #: The messages, where they are shown: content.
    prompt: object = field(default=None, repr=False, compare=False)

    @property
    def is_model_call(self) -> bool:
        """Whether a model is asked, so that there is something to pay."""
        return self.operation in MODEL_CALLS


def is_genai_span(span: Span) -> bool:
    """Whether this recording span tells of a model call, by its attributes or by its name."""
    if not span.is_recording():
        return False
    attributes = attributes_of(span)
    scope, name = scope_of(span), getattr(span, "name", "")
    operation = operation_of(scope, name, getattr(span, "kind", None), attributes)
    return operation in MODEL_CALLS or "llm.request.type" in attributes


def says(span: Span) -> Says | None:
    """Read what a span says so far; ``None`` where it tells of no call."""
    attributes, scope = attributes_of(span), scope_of(span)
    name, kind = getattr(span, "name", ""), getattr(span, "kind", None)
    operation = operation_of(scope, name, kind, attributes)
    if operation is None:
        return None
    named = _parts(scope, name, kind)
    prompt = _json(find("prompt", attributes))
    asked = prompt if isinstance(prompt, dict) else {}
    return Says(
        operation,
        scope,
        _provider(attributes, named),
        _text(find("asked_model", attributes)) or named.get("model") or _text(asked.get("model")),
        _count(find("output_cap", attributes)) or _cap(asked),
        _count(find("choices", attributes)) or _count(asked.get("n")) or 1,
        _name(operation, name, attributes, named),
        prompt,
    )


def operation_of(
    scope: str, name: str, kind: SpanKind | None, attributes: Attributes
) -> Operation | None:
    """Say what kind of call a span tells of; ``None``: of none.

    Args:
        scope: whose span it is; empty where that is not known, as in a sampler.
        name, kind, attributes: the span's.
    """
    for key, values in _KINDS.items():
        said = attributes.get(key)
        if isinstance(said, str) and said in values:
            return values[said]
    if attributes:
        return None
    named = _parts(scope, name, kind)
    if "maker" in named or named.get("operation") == "response":
        return Operation.CHAT
    return _KINDS[a.OPERATION].get(named.get("operation"))


def find(fact: str, attributes: Attributes) -> object:
    """What stands under the first key of a fact's row that is there."""
    for key in KEYS[fact]:
        if (found := attributes.get(key)) is not None:
            return found
    return None


def attributes_of(span: Span) -> Attributes:
    """What is on a span, as far as its implementation shows it: a plain copy, quick to read."""
    found: Attributes = getattr(span, "attributes", None) or {}
    # The SDK's own view of a span takes a microsecond for each look.
    return found.copy() if isinstance(found, MappingProxyType) else found


def scope_of(span: Span) -> str:
    """Which instrumentation has started a span."""
    return getattr(getattr(span, "instrumentation_scope", None), "name", "") or ""


def _parts(scope: str, name: str, kind: SpanKind | None) -> dict[str, str]:
    """What a name says by itself; a sampler does not know the scope, so any will do there."""
    for prefix, wanted, pattern in _NAMES:
        if scope and not scope.startswith(prefix):
            continue
        if (wanted is None or kind is wanted) and (found := pattern.fullmatch(name)):
            return found.groupdict()
    return {}


def _provider(attributes: Attributes, named: Mapping[str, str]) -> str:
    said = (_text(find("provider", attributes)) or "").lower()
    maker = named.get("maker", "")
    known = next((provider for start, provider in _MAKERS if maker.startswith(start)), "")
    return _PROVIDERS.get(said, said) or known


def _name(
    operation: Operation, title: str, attributes: Attributes, named: Mapping[str, str]
) -> str | None:
    fact = {Operation.EXECUTE_TOOL: "tool", Operation.INVOKE_WORKFLOW: "workflow"}
    found = _text(find(fact.get(operation, "agent"), attributes))
    if found or operation in MODEL_CALLS:
        return found
    entity = _text(find("entity", attributes)) or named.get("name")
    return entity or (None if a.OPERATION in attributes else title or None)


def _cap(asked: Mapping[str, object]) -> int | None:
    for key in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
        if (cap := _count(asked.get(key))) is not None:
            return cap
    return None


def _json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:  # a plain text, or one that was cut
        return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
