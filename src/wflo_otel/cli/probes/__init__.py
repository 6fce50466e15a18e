"""What ``wflo doctor`` probes: one row for each SDK and framework, and for each a small function.

The rule: a row promises, a probe proves. What a row says is shown in the documentation; what the
doctor says of a machine comes from a call that was made there, in a process of its own, with a
budget of nothing, against a provider on loopback.

A package brings a probe of its own by an entry point in the group :data:`GROUP`: its name is what
the table calls it, its object a function without arguments that returns :data:`Ways`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import TypeAlias

#: Entry points with this group's name are probes.
GROUP = "wflo_otel.probes"

#: By name, how a call is sent to the provider at a URL; what is returned is awaited where it is
#: a coroutine.
Ways: TypeAlias = Mapping[str, Callable[[str], object]]


@dataclass(frozen=True, slots=True)
class Subject:
    """One SDK or framework: how it is probed, and what was found out about it."""

    #: The name of the distribution, which is what the tables call it.
    name: str
    #: The function that makes its ways, as ``module:function``.
    probe: str
    ways: tuple[str, ...]
    #: The clients that its requests pass.
    seam: str
    #: The oldest version that was tried.
    tested: str
    #: What a refusal also is, beside our own error.
    refused_as: str = ""
    #: What the guard cannot do there.
    limits: str = ""


_ALL = ("sync", "async", "stream")
_CLIENTS = "wflo_otel.cli.probes.clients"
_SDKS = "wflo_otel.cli.probes.sdks"
_FRAMEWORKS = "wflo_otel.cli.probes.frameworks"

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "openai",
        f"{_SDKS}:openai",
        _ALL,
        seam="httpx2; httpx in 2.x",
        refused_as="openai.OpenAIError",
        tested="2.54.0",
        limits="websockets (realtime, `responses.connect()`) are not seen",
    ),
    Subject(
        "anthropic",
        f"{_SDKS}:anthropic",
        _ALL,
        seam="httpx2; httpx in 0.x",
        refused_as="anthropic.AnthropicError",
        tested="0.125.0",
    ),
    Subject(
        "google-genai",
        f"{_SDKS}:google_genai",
        _ALL,
        seam="httpx; aiohttp for async, where it is installed",
        tested="2.34.0",
        limits="websockets (live) are not seen",
    ),
    Subject("mistralai", f"{_SDKS}:mistralai", _ALL, seam="httpx2", tested="3.7.0"),
    Subject("groq", f"{_SDKS}:groq", _ALL, seam="httpx", tested="1.7.0"),
    Subject("cohere", f"{_SDKS}:cohere", _ALL, seam="httpx", tested="7.3.1"),
    Subject(
        "botocore",
        f"{_SDKS}:botocore",
        ("sync", "stream"),
        seam="botocore",
        tested="1.44.8",
        limits="as `boto3`; a signed request is never made smaller, but refused",
    ),
    Subject(
        "langchain-openai",
        f"{_FRAMEWORKS}:langchain_openai",
        _ALL,
        seam="httpx2",
        refused_as="openai.OpenAIError",
        tested="1.7.4",
    ),
    Subject(
        "langchain-anthropic",
        f"{_FRAMEWORKS}:langchain_anthropic",
        _ALL,
        seam="httpx2",
        refused_as="anthropic.AnthropicError",
        tested="1.7.10",
    ),
    Subject(
        "langgraph",
        f"{_FRAMEWORKS}:langgraph",
        _ALL,
        seam="that of the client in a node (probed with httpx)",
        refused_as="langgraph.errors.GraphBubbleUp",
        tested="1.2.24",
    ),
    Subject(
        "crewai",
        f"{_FRAMEWORKS}:crewai",
        _ALL,
        seam="that of the provider's SDK (probed with openai 2 on httpx)",
        refused_as="crewai.hooks.HookAborted",
        tested="1.15.30",
    ),
    Subject(
        "openai-agents",
        f"{_FRAMEWORKS}:openai_agents",
        _ALL,
        seam="httpx2",
        refused_as="agents.exceptions.AgentsException",
        tested="0.24.0",
        limits="its websocket model is not seen",
    ),
    Subject(
        "pydantic-ai-slim",
        f"{_FRAMEWORKS}:pydantic_ai",
        _ALL,
        seam="that of the provider's SDK (probed with openai on httpx2)",
        tested="2.68.0",
    ),
    Subject(
        "litellm",
        f"{_FRAMEWORKS}:litellm",
        _ALL,
        seam="httpx",
        tested="1.110.2",
        limits="imported before the guard came up, it raises an error of its own; the stop holds",
    ),
    Subject("aiohttp", f"{_CLIENTS}:aiohttp", ("async", "stream"), seam="aiohttp", tested="3.14.5"),
    Subject("httpx", f"{_CLIENTS}:httpx", _ALL, seam="httpx", tested="0.28.1"),
    Subject("httpx2", f"{_CLIENTS}:httpx2", _ALL, seam="httpx2", tested="2.16.2"),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe of something that is installed here."""

    name: str
    version: str
    #: The function that makes its ways, as ``module:function``.
    target: str


def installed() -> list[Probe]:
    """The probes of everything that is installed here, those of entry points last."""
    return [*_built_in(), *_brought()]


def _built_in() -> Iterator[Probe]:
    for each in SUBJECTS:
        try:
            yield Probe(each.name, version(each.name), each.probe)
        except PackageNotFoundError:
            continue


def _brought() -> Iterator[Probe]:
    known = {each.name for each in SUBJECTS}
    for each in sorted(entry_points(group=GROUP), key=lambda found: found.name):
        if each.name not in known:
            yield Probe(each.name, "" if each.dist is None else each.dist.version, each.value)


def ways_of(target: str) -> Ways:
    """Import what a probe needs and make its ways.

    Raises:
        Exception: whatever the import or the function raises; it is somebody else's code.
    """
    made: Ways = EntryPoint("probe", target, GROUP).load()()
    return made
