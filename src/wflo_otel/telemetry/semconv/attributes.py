"""Every attribute wflo writes, declared once with its type and its meaning.

The rule: no other module spells a name. ``docs/telemetry.md`` is generated from these tables,
and dashboards are checked against them. ``gen_ai.*`` are the GenAI conventions as released
instrumentations emit them; ``session.id`` and ``user.id`` are core conventions;
``openinference.span.kind`` is OpenInference's; ``wflo.*`` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

ValueType: TypeAlias = Literal["string", "string[]", "int", "double", "boolean"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute's name, the type of its values, and what it says."""

    key: str
    type: ValueType
    description: str


_declared: dict[str, Attribute] = {}

#: Every attribute, by key, in the order of the reference page.
ATTRIBUTES: Final[Mapping[str, Attribute]] = MappingProxyType(_declared)


def _attribute(key: str, type_: ValueType, description: str) -> str:
    _declared[key] = Attribute(key, type_, description)
    return key


OPERATION = _attribute(
    "gen_ai.operation.name", "string", "What kind of call it is: `chat`, `execute_tool`, …"
)
PROVIDER = _attribute("gen_ai.provider.name", "string", "Who answers: `openai`, `anthropic`, …")
REQUEST_MODEL = _attribute("gen_ai.request.model", "string", "The model that was asked for.")
REQUEST_MAX_TOKENS = _attribute(
    "gen_ai.request.max_tokens", "int", "The output cap of the caller's own request."
)
REQUEST_STREAM = _attribute(
    "gen_ai.request.stream", "boolean", "The answer is asked for as a stream; absent if not."
)
RESPONSE_MODEL = _attribute("gen_ai.response.model", "string", "The model that answered.")
RESPONSE_ID = _attribute("gen_ai.response.id", "string", "The response's id at the provider.")
FINISH_REASONS = _attribute(
    "gen_ai.response.finish_reasons", "string[]", "Why the model stopped, one for each choice."
)
INPUT_TOKENS = _attribute("gen_ai.usage.input_tokens", "int", "Input, with cache reads and writes.")
OUTPUT_TOKENS = _attribute("gen_ai.usage.output_tokens", "int", "Output, with reasoning.")
CACHE_READ_TOKENS = _attribute(
    "gen_ai.usage.cache_read.input_tokens", "int", "Input read from a cache."
)
CACHE_WRITE_TOKENS = _attribute(
    "gen_ai.usage.cache_write.input_tokens", "int", "Input written to a cache."
)
REASONING_TOKENS = _attribute(
    "gen_ai.usage.reasoning.output_tokens", "int", "Output spent on reasoning."
)
USAGE_COST = _attribute(
    "gen_ai.usage.cost", "double", "`wflo.cost.usd` again, under the key that some products read."
)
TOKEN_TYPE = _attribute("gen_ai.token.type", "string", "`input` or `output`; metrics only.")
TOKEN_MODALITY = _attribute(
    "gen_ai.token.modality", "string", "`audio`, `image` or `unknown`; metrics only."
)
AGENT_NAME = _attribute("gen_ai.agent.name", "string", "The agent that is calling, or is called.")
WORKFLOW_NAME = _attribute("gen_ai.workflow.name", "string", "The workflow that is invoked.")
TOOL_NAME = _attribute("gen_ai.tool.name", "string", "The tool that is executed.")
TOOL_TYPE = _attribute("gen_ai.tool.type", "string", "`function`.")
TOOL_CALL_ID = _attribute(
    "gen_ai.tool.call.id", "string", "The id under which the model asked for the tool."
)

ERROR_TYPE = _attribute(
    "error.type",
    "string",
    "The class of the error or the provider's code for it, never its message; "
    "present exactly when the status is ERROR.",
)
SERVER_ADDRESS = _attribute("server.address", "string", "The host that is called.")
SERVER_PORT = _attribute("server.port", "int", "Its port; absent where it is 443 or 80.")
HTTP_STATUS = _attribute(
    "http.response.status_code", "int", "The status that an attempt was answered with."
)
RESEND_COUNT = _attribute(
    "http.request.resend_count", "int", "Which retry this HTTP attempt is, from 1; else absent."
)
SESSION_ID = _attribute(
    "session.id", "string", "The outermost run's id, so that products group its traces."
)
USER_ID = _attribute("user.id", "string", "The user the work is done for.")
SPAN_KIND = _attribute(
    "openinference.span.kind", "string", "`LLM`, `EMBEDDING`, `TOOL`, `AGENT` or `CHAIN`."
)

RUN_ID = _attribute("wflo.run.id", "string", "The run this belongs to.")
RUN_PARENT = _attribute("wflo.run.parent", "string", "The run that this run is a child of.")
CALL_ID = _attribute("wflo.call.id", "string", "The call, as the ledger names it.")
WORKFLOW = _attribute("wflo.workflow", "string", "The workflow this belongs to.")
STEP = _attribute("wflo.step", "string", "The node, task or function that is at work.")
TENANT = _attribute("wflo.tenant", "string", "The tenant the work is done for.")
COST_USD = _attribute(
    "wflo.cost.usd", "double", "What the call was charged, in USD. On model calls only."
)
COST_SOURCE = _attribute(
    "wflo.cost.source",
    "string",
    "`price`, `override`, `provider`, `fallback`, `estimate`, `reserved` or `replayed`.",
)
CATALOGUE = _attribute("wflo.price.catalogue", "string", "The price catalogue's version.")
ESTIMATED = _attribute(
    "wflo.usage.estimated", "boolean", "The provider never told the usage: it is an estimate."
)
REPLAYED = _attribute(
    "wflo.replayed",
    "boolean",
    "The answer was recorded before: nothing was sent, or done, and nothing was charged.",
)
CHARGES = _attribute(
    "wflo.charges", "int", "How many charged attempts a span sums up; absent where it is one."
)
ATTEMPT = _attribute("wflo.attempt.number", "int", "Which attempt of its call it is, from 1.")
OUTPUT_CAP = _attribute(
    "wflo.output_cap", "int", "The smaller output cap that was written into the request."
)
DECISION = _attribute("wflo.decision", "string", "`admit`, `clamp`, `refuse` or `cut`.")
SHADOW = _attribute(
    "wflo.shadow", "boolean", "Shadow mode: the refusal was recorded, and the call ran."
)
REFUSAL_POLICY = _attribute(
    "wflo.refusal.policy",
    "string",
    "What refused: `budget`, `breaker`, `loop`, `unpriced`, `unrecognised` or `state`.",
)
REFUSAL_SCOPE = _attribute(
    "wflo.refusal.scope",
    "string",
    "The scope whose limit was hit, or that is stopped; the component whose breaker is open.",
)
REFUSAL_UNIT = _attribute("wflo.refusal.unit", "string", "`usd`, `tokens` or `calls`.")
REFUSAL_LIMIT = _attribute("wflo.refusal.limit", "double", "The limit, in that unit.")
REFUSAL_SETTLED = _attribute("wflo.refusal.settled", "double", "What had been settled.")
REFUSAL_PENDING = _attribute("wflo.refusal.pending", "double", "What others had reserved.")
REFUSAL_NEEDED = _attribute("wflo.refusal.needed", "double", "What the call needed.")
REFUSAL_RETRY_AFTER = _attribute(
    "wflo.refusal.retry_after", "double", "When an open breaker may be asked again, in seconds."
)

LOOP_KIND = _attribute(
    "wflo.loop.kind",
    "string",
    "`identical`, `cycle`, `near_duplicate`, `no_progress`, `ping_pong`, `context_growth`, "
    "`repeated_chunks` or `iteration_cap`.",
)
LOOP_RUNG = _attribute("wflo.loop.rung", "string", "`warn`, `hint` or `stop`.")
LOOP_COUNT = _attribute("wflo.loop.count", "int", "How often: rounds, answers, hand-offs or turns.")
LOOP_PERIOD = _attribute("wflo.loop.period", "int", "How many steps a round has.")
LOOP_CYCLE = _attribute(
    "wflo.loop.cycle",
    "string[]",
    "A round, step by step: tools and the size of their arguments, or agents.",
)

BREAKER_COMPONENT = _attribute(
    "wflo.breaker.component", "string", "What is broken off, such as `provider:openai`."
)
BREAKER_BEFORE = _attribute("wflo.breaker.before", "string", "The phase that ended.")
BREAKER_PHASE = _attribute(
    "wflo.breaker.phase", "string", "`closed`, `open`, `half_open` or `forced_open`."
)
BREAKER_REASON = _attribute(
    "wflo.breaker.reason",
    "string",
    "`error_rate`, `consecutive_failures`, `slow_calls`, `tokens`, `usd`, `probe_failed`, "
    "`cooled_down`, `probes_passed` or `by_hand`.",
)

BUDGET_SCOPE = _attribute(
    "wflo.budget.scope",
    "string",
    "On the warning: the scope's key. On metrics: its kind, `run`, `agent`, `tool`, "
    "`workflow` or `tenant`.",
)
BUDGET_NAME = _attribute(
    "wflo.budget.name", "string", "The agent, tool, workflow or tenant; metrics only."
)
BUDGET_UNIT = _attribute("wflo.budget.unit", "string", "`usd`, `tokens` or `calls`.")
BUDGET_LIMIT = _attribute("wflo.budget.limit", "double", "The limit, in that unit.")
BUDGET_SETTLED = _attribute("wflo.budget.settled", "double", "What has been settled.")
CHECKPOINT_ID = _attribute("wflo.checkpoint.id", "string", "The checkpoint.")
CHECKPOINT_NAME = _attribute("wflo.checkpoint.name", "string", "The name it was given.")
CHECKPOINT_SIZE = _attribute("wflo.checkpoint.size", "int", "Its encoded size, in bytes.")
RETRY_ATTEMPT = _attribute(
    "wflo.retry.attempt", "int", "Which attempt of what is tried again it is, from 1."
)
RETRY_COMPONENT = _attribute(
    "wflo.retry.component",
    "string",
    "What is tried again: the name given to `with_retry`; on the wire such as `provider:openai`.",
)
RETRY_OUTCOME = _attribute(
    "wflo.retry.outcome",
    "string",
    "What came of a failed attempt: `again`, or why not: `final` (trying again would not help), "
    "`attempts`, `deadline` or `budget` (all used up). On the metric also `recovered`.",
)
RETRY_DELAY = _attribute(
    "wflo.retry.delay", "double", "The pause before the next attempt, in seconds."
)
STATE_OPERATION = _attribute(
    "wflo.state.operation", "string", "What the state was asked: `admit`, `settle`, …"
)
