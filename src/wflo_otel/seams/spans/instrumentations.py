"""What is known of the instrumentations whose spans are decided about.

The rule: nothing is said here that was not seen. Each row was run against a refusal and is run
again by ``tests/foreign``; ``docs/processor.md`` shows the table.
"""

from __future__ import annotations

from wflo_otel.telemetry.dialects import Says

#: Whose instrumentation, or the framework that calls it, swallows what ``on_start`` raises.
_SWALLOWING = (
    "com.anthropic.sdk.python",
    "openinference.instrumentation.anthropic",
    "openinference.instrumentation.langchain",
    "openinference.instrumentation.openai",
    "opentelemetry.instrumentation.genai.langchain",
    "opentelemetry.instrumentation.genai.openai_agents",
    "opentelemetry.instrumentation.langchain",
)
#: Of those, the spans that are started outside of a callback, by scope and name.
_OUTSIDE = (("opentelemetry.instrumentation.langchain", "invoke_agent "),)
#: Spans that are started when the answer is there already, by scope and name.
_TOO_LATE = (("opentelemetry.instrumentation.openai", "openai.response"),)
#: SDKs whose spans tell at their end only whom they have called: till then it is their maker.
_TELLS_LATE = ("openai",)

#: Instrumented SDKs whose requests pass a client that the guard knows, as scopes name them.
_SDKS = frozenset(
    {"anthropic", "bedrock", "cohere", "groq", "mistralai", "ollama", "openai", "openai_v2"}
)
#: Providers whose own SDKs do.
_PROVIDERS = frozenset(
    {
        "anthropic",
        "aws.bedrock",
        "azure.ai.openai",
        "cohere",
        "deepseek",
        "gcp.gemini",
        "groq",
        "mistral_ai",
        "moonshot_ai",
        "openai",
        "perplexity",
        "x_ai",
    }
)


def lets_out(scope: str, name: str) -> bool:
    """Whether a refusal raised at the start of such a span reaches the caller, and in time."""
    if _begins(_TOO_LATE, scope, name):
        return False
    return not scope.startswith(_SWALLOWING) or _begins(_OUTSIDE, scope, name)


def maker_of(scope: str) -> str:
    """Who made the SDK that such a span is of; empty where its spans say whom they call."""
    parts = scope.split(".")
    return next((each for each in _TELLS_LATE if each in parts), "")


def is_on_the_wire(said: Says) -> bool:
    """Whether such a call is known to pass a client that the guard sees."""
    if said.scope == "com.anthropic.sdk.python" or not _SDKS.isdisjoint(said.scope.split(".")):
        return True
    return said.provider in _PROVIDERS


def _begins(rows: tuple[tuple[str, str], ...], scope: str, name: str) -> bool:
    return any(scope.startswith(where) and name.startswith(start) for where, start in rows)
