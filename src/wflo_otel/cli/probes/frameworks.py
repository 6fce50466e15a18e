"""Probes of frameworks: the smallest agent, graph or crew that asks a model once."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from wflo_otel.cli.probes import Ways
from wflo_otel.cli.probes.clients import CHAT, where
from wflo_otel.cli.probes.sdks import CLAUDE, KEY

_ASKED = "Say hello"
_GPT = "gpt-4o"


def langchain_openai() -> Ways:
    """``langchain-openai``: a chat model."""
    made = import_module("langchain_openai").ChatOpenAI
    return _model(lambda url: made(model=_GPT, base_url=f"{url}/v1", api_key=KEY))


def langchain_anthropic() -> Ways:
    """``langchain-anthropic``: a chat model."""
    made = import_module("langchain_anthropic").ChatAnthropic
    return _model(lambda url: made(model=CLAUDE, base_url=url, api_key=KEY))


def _model(model: Any) -> Ways:
    return {
        "sync": lambda url: model(url).invoke(_ASKED),
        "async": lambda url: model(url).ainvoke(_ASKED),
        "stream": lambda url: list(model(url).stream(_ASKED)),
    }


def langgraph() -> Ways:
    """``langgraph``: a graph of one node, which may be tried again."""
    library = import_module("langgraph.graph")
    retry = import_module("langgraph.types").RetryPolicy(max_attempts=2, initial_interval=0.01)
    client = import_module("httpx")

    def graph(url: str) -> Any:
        def ask(state: dict[str, str]) -> dict[str, str]:
            client.post(where(url), json=CHAT)
            return state

        made = library.StateGraph(dict)
        made.add_node("ask", ask, retry_policy=retry)
        made.add_edge(library.START, "ask")
        return made.compile()

    return {
        "sync": lambda url: graph(url).invoke({"question": _ASKED}),
        "async": lambda url: graph(url).ainvoke({"question": _ASKED}),
        "stream": lambda url: list(graph(url).stream({"question": _ASKED})),
    }


def crewai() -> Ways:
    """``crewai``: a crew of one agent with one task."""
    library = import_module("crewai")

    def crew(url: str, *, stream: bool = False) -> Any:
        model = library.LLM(
            model=f"openai/{_GPT}", base_url=f"{url}/v1", api_key=KEY, stream=stream
        )
        agent = library.Agent(role="greeter", goal="greet", backstory="kind", llm=model)
        task = library.Task(description=_ASKED, expected_output="a greeting", agent=agent)
        return library.Crew(agents=[agent], tasks=[task])

    return {
        "sync": lambda url: crew(url).kickoff(),
        "async": lambda url: crew(url).akickoff(),
        "stream": lambda url: crew(url, stream=True).kickoff(),
    }


def openai_agents() -> Ways:
    """``openai-agents``: a run of one agent."""
    library = import_module("agents")
    client = import_module("openai").AsyncOpenAI

    def agent(url: str) -> Any:
        made = client(base_url=f"{url}/v1", api_key=KEY)
        model = library.OpenAIChatCompletionsModel(model=_GPT, openai_client=made)
        return library.Agent(name="greeter", instructions="Be kind.", model=model)

    async def stream(url: str) -> None:
        result = library.Runner.run_streamed(agent(url), _ASKED)
        async for _ in result.stream_events():
            pass

    return {
        "sync": lambda url: library.Runner.run_sync(agent(url), _ASKED),
        "async": lambda url: library.Runner.run(agent(url), _ASKED),
        "stream": stream,
    }


def pydantic_ai() -> Ways:
    """``pydantic-ai-slim``: a run of one agent, through OpenAI's SDK or else Anthropic's."""
    agent = import_module("pydantic_ai").Agent
    model = _anthropic_model() if find_spec("openai") is None else _openai_model()

    async def stream(url: str) -> None:
        async with agent(model(url)).run_stream(_ASKED) as result:
            await result.get_output()

    return {
        "sync": lambda url: agent(model(url)).run_sync(_ASKED),
        "async": lambda url: agent(model(url)).run(_ASKED),
        "stream": stream,
    }


def _openai_model() -> Callable[[str], Any]:
    provider = import_module("pydantic_ai.providers.openai").OpenAIProvider
    model = import_module("pydantic_ai.models.openai").OpenAIChatModel
    return lambda url: model(_GPT, provider=provider(base_url=f"{url}/v1", api_key=KEY))


def _anthropic_model() -> Callable[[str], Any]:
    provider = import_module("pydantic_ai.providers.anthropic").AnthropicProvider
    model = import_module("pydantic_ai.models.anthropic").AnthropicModel
    return lambda url: model(CLAUDE, provider=provider(base_url=url, api_key=KEY))


def litellm() -> Ways:
    """``litellm``: completions of a model of OpenAI's, and asynchronously one of Anthropic's."""
    library = import_module("litellm")
    asked = {"messages": CHAT["messages"], "api_key": KEY}
    gpt, claude = f"openai/{_GPT}", f"anthropic/{CLAUDE}"

    def stream(url: str) -> None:
        list(library.completion(model=gpt, api_base=f"{url}/v1", stream=True, **asked))

    return {
        "sync": lambda url: library.completion(model=gpt, api_base=f"{url}/v1", **asked),
        "async": lambda url: library.acompletion(model=claude, api_base=url, **asked),
        "stream": stream,
    }
