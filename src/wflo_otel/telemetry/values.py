"""What may stand on a span, in an event or in a metric, and who it says is calling.

The rule: every string from outside passes through :func:`text`, for one that no exporter can
encode would lose the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from wflo_otel.core.call import CallRecord, Status
from wflo_otel.core.money import NANO_PER_USD
from wflo_otel.core.scope import Caller
from wflo_otel.telemetry.semconv import attributes as a

Value: TypeAlias = str | bool | int | float | tuple[str, ...]

#: Longer names are cut: an exporter must not carry a document because somebody named it so.
MAX_CHARS = 256


#: How the GenAI conventions name providers that are known by another name here.
_PROVIDERS: Mapping[str, str] = {
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "x-ai": "x_ai",
}


def text(value: str) -> str:
    """Make a string fit for any exporter: of bounded length, and valid UTF-8."""
    if len(value) > MAX_CHARS:
        value = value[:MAX_CHARS]
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def provider_name(provider: str) -> str:
    """Name a provider as the GenAI conventions do."""
    return _PROVIDERS.get(provider, text(provider))


def caller_attributes(caller: Caller) -> dict[str, Value]:
    """Say who is calling."""
    attributes: dict[str, Value] = {}
    parents = caller.parent_runs
    # On the path of every call, so what is nearly always there is not asked for in the loop.
    if caller.run_id:
        attributes[a.RUN_ID] = text(caller.run_id)
        attributes[a.SESSION_ID] = text(parents[0] if parents else caller.run_id)
    if parents:
        attributes[a.RUN_PARENT] = text(parents[-1])
    for key, value in (
        (a.WORKFLOW, caller.workflow),
        (a.AGENT_NAME, caller.agent),
        (a.STEP, caller.step),
        (a.TENANT, caller.tenant),
        (a.USER_ID, caller.user),
    ):
        if value:
            attributes[key] = text(value)
    return attributes


def decision_of(record: CallRecord) -> str:
    """What was decided about a call that ran."""
    if record.status is Status.CUT:
        return "cut"
    return "clamp" if record.clamped else "admit"


def error_type(record: CallRecord) -> str | None:
    """What kind of failure a record tells of; leaving a stream early is none."""
    if record.status in (Status.OK, Status.ABANDONED):
        return None
    status = str(record.http_status) if record.http_status else record.status.value
    return text(record.error_type or status)


def in_unit(amount: int, unit: str) -> float:
    """Turn an amount of a ledger into what telemetry shows: USD, not nano-USD."""
    return amount / NANO_PER_USD if unit == "usd" else float(amount)
