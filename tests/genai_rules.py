"""The rules of the GenAI conventions, as a checker over finished spans and over metrics.

The rules are written down from the conventions, beside our own tables: released is the last core
release that holds them (1.41), latest the repository that they moved to (0.1.0). What wflo knows
that it does otherwise stands in :data:`EXCEPTIONS`, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from opentelemetry.sdk.metrics.export import Metric
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from wflo_otel.telemetry.scope import SCOPE_NAME
from wflo_otel.telemetry.semconv.attributes import ATTRIBUTES


class Conventions(StrEnum):
    """Which version of the conventions."""

    RELEASED = "released"
    LATEST = "latest"


@dataclass(frozen=True)
class Rule:
    """What the span of one operation has to be."""

    kind: SpanKind
    #: The attribute that stands in its name.
    named_by: str
    required: tuple[str, ...] = ()
    #: Required of a call whose usage the provider has told.
    answered: tuple[str, ...] = ()


_INFERENCE = Rule(
    SpanKind.CLIENT,
    "gen_ai.request.model",
    ("gen_ai.provider.name",),
    ("gen_ai.response.model", "gen_ai.usage.input_tokens"),
)
_RELEASED = {
    "chat": _INFERENCE,
    "text_completion": _INFERENCE,
    "embeddings": _INFERENCE,
    "execute_tool": Rule(SpanKind.INTERNAL, "gen_ai.tool.name", ("gen_ai.tool.name",)),
    "invoke_agent": Rule(SpanKind.INTERNAL, "gen_ai.agent.name", ("gen_ai.agent.name",)),
    "invoke_workflow": Rule(SpanKind.INTERNAL, "gen_ai.workflow.name"),
}
_WORKFLOW = Rule(SpanKind.INTERNAL, "gen_ai.agent.name")
RULES: Mapping[Conventions, Mapping[str, Rule]] = {
    Conventions.RELEASED: _RELEASED,
    Conventions.LATEST: _RELEASED | {"invoke_workflow": _WORKFLOW},
}

#: Spans of ours that the conventions know nothing like: by the first word of the name, what each
#: must have.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "attempt": ("wflo.retry.attempt", "wflo.retry.component"),
    "wflo.probe": (),
}

#: What our spans do otherwise: the beginning of each complaint, and the reason.
EXCEPTIONS: Mapping[Conventions, Mapping[str, str]] = {
    Conventions.RELEASED: {},
    Conventions.LATEST: {
        "its name is 'invoke_workflow": "the switch renames metrics; the name of a workflow stays "
        "under the released key, where released instrumentations have it and readers look for it",
    },
}
#: What a span need not have where wflo sees a function, a request too large to read, or one in an
#: API that nobody knows.
UNSEEN = {
    "gen_ai.provider.name": "nobody has said who answers, and it is never made up",
    "gen_ai.response.model": "a function's result may be anything",
    "gen_ai.usage.input_tokens": "it is on the span of the call inside, which has seen the wire",
}

#: The GenAI metrics of each version: the unit, and the attributes that each point must have.
_BY_TYPE = {"gen_ai.operation.name", "gen_ai.token.type"}
_BY_MODALITY = {"gen_ai.operation.name", "gen_ai.token.modality"}
_COUNTED = "gen_ai.client.inference.usage."
METRICS: Mapping[Conventions, Mapping[str, tuple[str, set[str]]]] = {
    Conventions.RELEASED: {
        "gen_ai.client.operation.duration": ("s", {"gen_ai.operation.name"}),
        "gen_ai.client.token.usage": ("{token}", _BY_TYPE),
    },
    Conventions.LATEST: {
        "gen_ai.client.inference.duration": ("s", {"gen_ai.operation.name"}),
        f"{_COUNTED}input_tokens": ("{token}", _BY_MODALITY),
        f"{_COUNTED}output_tokens": ("{token}", _BY_MODALITY),
        f"{_COUNTED}cache_read.input_tokens": ("{token}", _BY_MODALITY),
        f"{_COUNTED}cache_write.input_tokens": ("{token}", _BY_MODALITY),
        f"{_COUNTED}reasoning.output_tokens": ("{token}", _BY_MODALITY),
    },
}
#: What is measured in things stands in braces, everything else is in seconds.
_UNIT = re.compile(r"s|\{[A-Za-z]+\}")

_TYPES = {str: "string", bool: "boolean", int: "int", float: "double", tuple: "string[]"}


def violations(span: ReadableSpan, version: Conventions = Conventions.RELEASED) -> list[str]:
    """What is wrong with a span of ours; empty where it conforms."""
    attributes = span.attributes or {}
    operation = attributes.get("gen_ai.operation.name")
    if operation is None and span.name.split(" ")[0] in BESIDE:
        return _beside(span)
    rule = RULES[version].get(str(operation))
    if rule is None:
        return [f"unknown operation {operation!r}"]
    named = attributes.get(rule.named_by)
    found = _missing(span, rule)
    if span.name != (f"{operation} {named}" if named else operation):
        found.append(f"its name is {span.name!r}")
    if span.kind is not rule.kind:
        found.append(f"its kind is {span.kind}")
    if rule.kind is not SpanKind.CLIENT and "wflo.cost.usd" in attributes:
        found.append("a cost is on a span that is no model call's")
    found += _status(span) + _declarations(attributes, "")
    return [each for each in found if not each.startswith(tuple(EXCEPTIONS[version]))]


def _beside(span: ReadableSpan) -> list[str]:
    attributes = span.attributes or {}
    wanted = {*BESIDE[span.name.split(" ")[0]]} - attributes.keys()
    found = [f"{key} is missing" for key in sorted(wanted)]
    if span.kind is not SpanKind.INTERNAL:
        found.append(f"its kind is {span.kind}")
    return found + _status(span) + _declarations(attributes, "")


def _missing(span: ReadableSpan, rule: Rule) -> list[str]:
    attributes = span.attributes or {}
    is_told = attributes.get("wflo.cost.source") in {"price", "override", "provider"}
    wanted = {*rule.required, *(rule.answered if is_told else ())} - attributes.keys()
    is_stranger = attributes.get("wflo.refusal.policy") == "unrecognised"
    if is_stranger or not {"server.address", rule.named_by} <= attributes.keys():
        wanted -= UNSEEN.keys()
    return [f"{key} is missing" for key in sorted(wanted)]


def additions(span: ReadableSpan) -> list[str]:
    """What is wrong with what we have written on somebody else's span."""
    return _declarations(span.attributes or {}, "wflo.") + _refusal(span)


def metric_violations(metric: Metric, version: Conventions) -> list[str]:
    """What is wrong with a metric of ours; empty where it conforms."""
    found = [] if _UNIT.fullmatch(metric.unit) else [f"its unit is {metric.unit!r}"]
    wanted: set[str] = set()
    if not metric.name.startswith("wflo."):
        if metric.name not in METRICS[version]:
            return [f"unknown metric {metric.name!r}"]
        unit, wanted = METRICS[version][metric.name]
        found += [] if metric.unit == unit else [f"its unit is {metric.unit!r}"]
    for point in metric.data.data_points:
        attributes = point.attributes or {}
        found += [f"{key} is missing" for key in sorted(wanted - attributes.keys())]
        found += _declarations(attributes, "")
    return found


def is_ours(span: ReadableSpan) -> bool:
    """Whether we have started a span."""
    scope = span.instrumentation_scope
    return scope is not None and scope.name == SCOPE_NAME


def all_violations(span: ReadableSpan) -> list[str]:
    """What is wrong with a finished span by any version, whoever has started it."""
    if not is_ours(span):
        return additions(span)
    return [f"{version}: {each}" for version in Conventions for each in violations(span, version)]


def _status(span: ReadableSpan) -> list[str]:
    code = span.status.status_code
    is_typed = "error.type" in (span.attributes or {})
    found = ["its status is OK"] if code is StatusCode.OK else []
    if is_typed != (code is StatusCode.ERROR):
        found.append("error.type and the status do not agree")
    return found + _refusal(span)


def _refusal(span: ReadableSpan) -> list[str]:
    """A refusal is an error, unless it was only recorded."""
    attributes = span.attributes or {}
    refused = attributes.get("wflo.decision") == "refuse" and not attributes.get("wflo.shadow")
    is_error = span.status.status_code is StatusCode.ERROR
    return ["it is refused and no error"] if refused and not is_error else []


def _declarations(attributes: Mapping[str, object], start: str) -> list[str]:
    found = []
    for key, value in attributes.items():
        if not key.startswith(start):
            continue
        if key not in ATTRIBUTES:
            found.append(f"{key} is not declared")
        elif _TYPES.get(type(value)) != ATTRIBUTES[key].type:
            found.append(f"{key} is no {ATTRIBUTES[key].type}")
    return found
