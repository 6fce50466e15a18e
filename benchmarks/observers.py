"""What can be put around the SDK: each observer, how it is put on, and how it is taken off.

The rule: each is as its own documentation sets it up, without a choice of ours, and its spans
end in an exporter that does nothing. None sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from answering import Calls, Clients, SdkCalls
from measure import Setting
from opentelemetry import trace
from spans import provider, to_nowhere


@dataclass(frozen=True, slots=True)
class Observed:
    """An observer, ready: what holds while it is on, and how calls are made then."""

    on: Setting
    calls: Calls


Make = Callable[[Clients], Observed]


@dataclass(frozen=True, slots=True)
class Observer:
    """One row of the page."""

    title: str
    #: The distribution whose version is quoted.
    package: str
    make: Make
    #: What a program says to have it, for the cost of importing it.
    imported: str
    #: Whether it makes a span of a call: by it one sees that it is on.
    has_spans: bool = True


def _send_nowhere() -> None:
    trace.set_tracer_provider(provider())


def _instrumentor(module: str) -> tuple[Make, str]:
    def make(clients: Clients) -> Observed:
        _send_nowhere()
        instrumentor = import_module(module).OpenAIInstrumentor()

        @contextmanager
        def on() -> Iterator[None]:
            instrumentor.instrument()
            try:
                yield
            finally:
                instrumentor.uninstrument()

        return Observed(on, SdkCalls(clients))

    return make, f"from {module} import OpenAIInstrumentor as One\nOne().instrument()"


def _openllmetry(clients: Clients) -> Observed:
    """Its own taking off leaves it on (0.62), so its methods and the SDK's change places."""
    from openai.resources.chat.completions import AsyncCompletions, Completions
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    _send_nowhere()
    owners = (Completions, AsyncCompletions)
    originals = [owner.__dict__["create"] for owner in owners]
    OpenAIInstrumentor().instrument()
    wrapped = [owner.__dict__["create"] for owner in owners]

    def put(methods: list[Any]) -> None:
        for owner, method in zip(owners, methods, strict=True):
            owner.create = method

    @contextmanager
    def on() -> Iterator[None]:
        put(wrapped)
        try:
            yield
        finally:
            put(originals)

    put(originals)
    return Observed(on, SdkCalls(clients))


def _traced_http(clients: Clients) -> Setting:
    """The client spans of each HTTP attempt, on clients whose transport is not the real one."""
    from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor

    inner = [client._client for client in (clients.sync, clients.aio)]

    @contextmanager
    def on() -> Iterator[None]:
        for each in inner:
            HTTPX2ClientInstrumentor.instrument_client(each)
        try:
            yield
        finally:
            for each in inner:
                HTTPX2ClientInstrumentor.uninstrument_client(each)

    return on


def _httpx(clients: Clients) -> Observed:
    _send_nowhere()
    return Observed(_traced_http(clients), SdkCalls(clients))


def _wflo(clients: Clients) -> Observed:
    from guarding import guarded

    _send_nowhere()
    return Observed(guarded(), SdkCalls(clients))


def _wflo_traced(clients: Clients) -> Observed:
    ours, attempts = _wflo(clients), _traced_http(clients)

    @contextmanager
    def on() -> Iterator[None]:
        with ours.on(), attempts():
            yield

    return Observed(on, ours.calls)


def _logfire(clients: Clients) -> Observed:
    import logfire

    logfire.configure(
        send_to_logfire=False, console=False, additional_span_processors=[to_nowhere()]
    )

    @contextmanager
    def on() -> Iterator[None]:
        with ExitStack() as stack:
            for each in (clients.sync, clients.aio):
                stack.enter_context(logfire.instrument_openai(each))
            yield

    return Observed(on, SdkCalls(clients))


class _LiteLLM:
    """LiteLLM's functions, given the same clients."""

    def __init__(self, clients: Clients) -> None:
        import litellm

        self._litellm, self._clients = litellm, clients

    def call(self, **asked: Any) -> Any:
        return self._litellm.completion(client=self._clients.sync, max_retries=0, **asked)

    def acall(self, **asked: Any) -> Any:
        return self._litellm.acompletion(client=self._clients.aio, max_retries=0, **asked)


def _litellm(clients: Clients) -> Observed:
    return Observed(nullcontext, _LiteLLM(clients))


_WFLO = "import wflo_otel\nwflo_otel.configure(state='memory://')"

#: By the name of the environment that has it.
OBSERVERS: dict[str, Observer] = {
    "wflo_otel": Observer("wflo_otel", "wflo-otel", _wflo, _WFLO),
    "wflo_otel-traced": Observer("wflo_otel + HTTP spans", "wflo-otel", _wflo_traced, _WFLO),
    "httpx": Observer(
        "OTel instrumentation-httpx",
        "opentelemetry-instrumentation-httpx",
        _httpx,
        "from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor as One\n"
        "One().instrument()",
    ),
    "genai-openai": Observer(
        "OTel genai-openai",
        "opentelemetry-instrumentation-genai-openai",
        *_instrumentor("opentelemetry.instrumentation.genai.openai"),
    ),
    "openllmetry": Observer(
        "OpenLLMetry",
        "opentelemetry-instrumentation-openai",
        _openllmetry,
        "from opentelemetry.instrumentation.openai import OpenAIInstrumentor as One\n"
        "One().instrument()",
    ),
    "openinference": Observer(
        "OpenInference",
        "openinference-instrumentation-openai",
        *_instrumentor("openinference.instrumentation.openai"),
    ),
    "logfire": Observer(
        "Logfire",
        "logfire",
        _logfire,
        "import logfire\nlogfire.configure(send_to_logfire=False, console=False)\n"
        "logfire.instrument_openai()",
    ),
    "litellm": Observer("LiteLLM SDK", "litellm", _litellm, "import litellm", has_spans=False),
}
