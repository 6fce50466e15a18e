"""Other projects' instrumentations, how calls are made under them, and what was seen of each.

The rows are the table in ``docs/processor.md``; ``tests/foreign`` runs each.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from importlib import import_module

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sdk_paths import (
    CLAUDE,
    EMBEDDING,
    HELLO,
    OPENAI_MODEL,
    claude_async,
    claude_client,
    openai_async,
    openai_client,
)
from span_rig import Spans, policy
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.bootstrap.processor import PolicySpanProcessor
from wflo_otel.testing import Reply, ScriptedProvider, ToolRequest

INSTRUMENTATIONS = {
    "genai-openai": "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
    "genai-anthropic": "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
    "genai-langchain": "opentelemetry.instrumentation.genai.langchain:LangChainInstrumentor",
    "openllmetry-openai": "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
    "openllmetry-anthropic": "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
    "openllmetry-langchain": "opentelemetry.instrumentation.langchain:LangchainInstrumentor",
    "openinference-openai": "openinference.instrumentation.openai:OpenAIInstrumentor",
    "openinference-anthropic": "openinference.instrumentation.anthropic:AnthropicInstrumentor",
    "openinference-langchain": "openinference.instrumentation.langchain:LangChainInstrumentor",
}


def _chat(provider, **more):
    with openai_client(provider, max_retries=0) as client:
        answer = client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, **more)
        return list(answer) if more.get("stream") else answer


def _chat_stream(provider):
    _chat(provider, stream=True, stream_options={"include_usage": True})


def chat_stream_without_usage(provider):
    """A stream that nobody asked to tell its usage."""
    _chat(provider, stream=True)


def _chat_async(provider):
    async def main():
        async with openai_async(provider, max_retries=0) as client:
            await client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO)

    asyncio.run(main())


def _raw(provider):
    with openai_client(provider) as client:
        client.chat.completions.with_raw_response.create(model=OPENAI_MODEL, messages=HELLO)


def _responses(provider):
    with openai_client(provider) as client:
        client.responses.create(model=OPENAI_MODEL, input="Say hello")


def _responses_stream(provider):
    with openai_client(provider) as client:
        list(client.responses.create(model=OPENAI_MODEL, input="Say hello", stream=True))


def _chat_with_tools(provider):
    provider.script(Reply(tool_calls=(ToolRequest("search", {"query": "tides"}),)))
    parameters = {"type": "object", "properties": {"query": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "search", "parameters": parameters}}
    _chat(provider, tools=[tool])


def _message_with_tools(provider):
    provider.script(Reply(tool_calls=(ToolRequest("search", {"query": "tides"}),)))
    _message(provider, tools=[{"name": "search", "input_schema": {"type": "object"}}])


def _embeddings(provider):
    with openai_client(provider) as client:
        client.embeddings.create(model=EMBEDDING, input="one two three")


def _message(provider, **more):
    with claude_client(provider) as client:
        asked = {"model": CLAUDE, "messages": HELLO, "max_tokens": 100, **more}
        answer = client.messages.create(**asked)
        return list(answer) if more.get("stream") else answer


def _message_stream(provider):
    with (
        claude_client(provider) as client,
        client.messages.stream(model=CLAUDE, messages=HELLO, max_tokens=100) as stream,
    ):
        stream.get_final_message()


def _message_async(provider):
    async def main():
        async with claude_async(provider) as client:
            await client.messages.create(model=CLAUDE, messages=HELLO, max_tokens=100)

    asyncio.run(main())


def langchain_model(provider, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of LangChain's own making
        from langchain_openai import ChatOpenAI
    return ChatOpenAI(
        model=OPENAI_MODEL, base_url=provider.openai_url, api_key="key", max_retries=0, **more
    )


def _invoke(provider):
    langchain_model(provider).invoke("Say hello")


def _invoke_async(provider):
    import openai

    async def main():
        async with openai.DefaultAsyncHttpxClient() as http:
            await langchain_model(provider, http_async_client=http).ainvoke("Say hello")

    asyncio.run(main())


def _graph(provider):
    from langgraph.graph import END, START, StateGraph

    model = langchain_model(provider)
    graph = StateGraph(dict)
    graph.add_node("writer", lambda _: {"said": model.invoke("Say hello").content})
    graph.add_edge(START, "writer")
    graph.add_edge("writer", END)
    graph.compile(name="report").invoke({})


@dataclass(frozen=True)
class Row:
    """One way to call a model under one instrumentation."""

    instrumentation: str
    call: str
    make: Callable[[ScriptedProvider], object]
    #: A refusal by the processor alone reaches the caller before anything is sent.
    refuses: bool = True
    #: An open breaker of the provider does; a run that is stopped may be refused further out.
    breaks: bool = True

    @property
    def name(self) -> str:
        return f"{self.instrumentation}, {self.call}"

    def run(self, provider: ScriptedProvider) -> None:
        """Make the call; OpenLLMetry's LangChain callbacks leave a context attached behind."""
        copy_context().run(self.make, provider)


def _rows(instrumentation, calls, *, refuses=True):
    return [Row(instrumentation, call, make, refuses, refuses) for call, make in calls.items()]


_OPENAI = {
    "chat": _chat,
    "async chat": _chat_async,
    "streamed chat": _chat_stream,
    "raw response": _raw,
    "embeddings": _embeddings,
}
_ANTHROPIC = {
    "message": _message,
    "async message": _message_async,
    "stream=True": lambda provider: _message(provider, stream=True),
}
_HELPER = {"messages.stream()": _message_stream}
_LANGCHAIN = {"invoke": _invoke, "ainvoke": _invoke_async}

ROWS = [
    *_rows("genai-openai", {**_OPENAI, "responses": _responses}),
    *_rows("openllmetry-openai", _OPENAI),
    *_rows("openllmetry-openai", {"responses": _responses}, refuses=False),
    *_rows("openinference-openai", {**_OPENAI, "responses": _responses}, refuses=False),
    *_rows("genai-anthropic", {**_ANTHROPIC, **_HELPER}),
    *_rows("openllmetry-anthropic", {**_ANTHROPIC, **_HELPER}),
    *_rows("openinference-anthropic", {**_ANTHROPIC, **_HELPER}, refuses=False),
    *_rows("none", {**_ANTHROPIC, **_HELPER}, refuses=False),
    *_rows("genai-langchain", _LANGCHAIN, refuses=False),
    *_rows("openllmetry-langchain", _LANGCHAIN, refuses=False),
    Row("openllmetry-langchain", "graph", _graph, breaks=False),
    *_rows("openinference-langchain", _LANGCHAIN, refuses=False),
]

#: Calls that no table is about, made with everything on.
BESIDE = [
    Row("none", call, make)
    for call, make in {
        "streamed responses": _responses_stream,
        "chat with tools": _chat_with_tools,
        "message with tools": _message_with_tools,
    }.items()
]

_exporter = InMemorySpanExporter()
_provider = TracerProvider(shutdown_on_exit=False)


def _global_provider():
    """The SDK's own spans go to the global provider, which can be set only once."""
    if trace.get_tracer_provider() is not _provider:
        trace.set_tracer_provider(_provider)


@contextmanager
def instrumented(*names: str, guard: bool, **budget):
    """Run under these instrumentations, decided by their spans alone or with the guard."""
    _global_provider()
    with ExitStack() as stack:
        server = stack.enter_context(ScriptedProvider())
        made = configure(policy(**budget), state="memory://", guard=guard, providers=False)
        stack.callback(shutdown)
        if not _provider._active_span_processor._span_processors:
            _provider.add_span_processor(PolicySpanProcessor())
            _provider.add_span_processor(SimpleSpanProcessor(_exporter))
        _exporter.clear()
        for name in names:
            if name != "none":
                stack.callback(_instrument(INSTRUMENTATIONS[name]))
        yield Spans(server, made, _exporter, _provider)


def _instrument(path):
    module, _, name = path.partition(":")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of their own making
        for late in _LATE:
            with suppress(ImportError):
                import_module(late)
        instrumentor = getattr(import_module(module), name)()
        before = _patched_classes()
        instrumentor.instrument(tracer_provider=_provider)

    def lift():
        instrumentor.uninstrument()
        _restore(before)  # some leave half of what they have wrapped

    return lift


_PATCHED = (
    *("openai", "anthropic", "langchain_core", "langchain_openai"),
    *("langchain.agents", "langgraph.pregel", "langgraph.graph"),
)
#: What is imported first: of what is not there yet, nobody knows how it was.
_LATE = ("langgraph.graph", "langgraph.pregel", "langchain.agents", "langchain_openai")


def _patched_classes():
    """The methods of every class that instrumentations of these SDKs wrap."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(_PATCHED) and ".types" not in name:
            for each in vars(module).values():
                if isinstance(each, type):
                    found[each] = dict(vars(each))
    return found


def _restore(classes):
    for cls, methods in classes.items():
        for name, method in methods.items():
            if vars(cls).get(name) is not method:
                setattr(cls, name, method)
