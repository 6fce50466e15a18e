"""Each SDK through the guard: one request and one charge for a call, and a refusal that arrives."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import pytest

from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import Reply, ScriptedProvider
from wiring import guarded

pytestmark = [
    pytest.mark.sdks,
    #: What the SDKs themselves leave open or call by an old name.
    pytest.mark.filterwarnings("ignore"),
]

GPT, CLAUDE, GEMINI = "gpt-4o", "claude-haiku-4-5", "gemini-2.5-flash"
COMMAND, EMBED = "command-a-03-2025", "embed-v4.0"
HELLO = [{"role": "user", "content": "Say hello to the world"}]


@dataclass(frozen=True)
class Way:
    """One way of one SDK to send one request."""

    name: str
    needs: str
    run: Callable[[ScriptedProvider], object]


def of(module):
    return import_module(module)


def groq(provider):
    return of("groq").Groq(base_url=provider.base_url, api_key="key")


def groq_async(provider):
    return of("groq").AsyncGroq(base_url=provider.base_url, api_key="key")


def mistral(provider):
    return of("mistralai.client").Mistral(server_url=provider.base_url, api_key="key")


def cohere(provider, kind="ClientV2"):
    made = getattr(of("cohere"), kind)
    return made(base_url=provider.base_url, api_key="key")


def genai(provider):
    options = {"base_url": provider.base_url}
    return of("google.genai").Client(api_key="key", http_options=options)


def claude(provider):
    made = of("langchain_anthropic").ChatAnthropic
    return made(model=CLAUDE, base_url=provider.anthropic_url, api_key="key")


def gemini(provider):
    made = of("langchain_google_genai").ChatGoogleGenerativeAI
    return made(model=GEMINI, base_url=provider.base_url, api_key="key")


def openai_async(provider):
    return of("openai").AsyncOpenAI(base_url=provider.openai_url, api_key="key")


def pydantic_agent(provider):
    client = openai_async(provider)
    of_openai = of("pydantic_ai.providers.openai").OpenAIProvider(openai_client=client)
    model = of("pydantic_ai.models.openai").OpenAIChatModel(GPT, provider=of_openai)
    return of("pydantic_ai").Agent(model)


def agents_sdk(provider):
    agents = of("agents")
    agents.set_tracing_disabled(True)
    model = agents.OpenAIChatCompletionsModel(model=GPT, openai_client=openai_async(provider))
    return agents.Agent(name="greeter", instructions="Be kind.", model=model)


async def groq_awaits(provider):
    async with groq_async(provider) as client:
        await client.chat.completions.create(model=GPT, messages=HELLO)


async def groq_streams(provider):
    async with groq_async(provider) as client:
        stream = await client.chat.completions.create(model=GPT, messages=HELLO, stream=True)
        assert [each async for each in stream]


async def mistral_awaits(provider):
    await mistral(provider).chat.complete_async(model=GPT, messages=HELLO)


async def mistral_streams(provider):
    stream = await mistral(provider).chat.stream_async(model=GPT, messages=HELLO)
    assert [each async for each in stream]


def cohere_embeds(provider):
    told = {"input_type": "search_document", "embedding_types": ["float"]}
    cohere(provider).embed(model=EMBED, texts=["Say hello", "to the world"], **told)


async def cohere_awaits(provider):
    await cohere(provider, "AsyncClientV2").chat(model=COMMAND, messages=HELLO)


async def cohere_streams(provider):
    client = cohere(provider, "AsyncClientV2")
    assert [each async for each in client.chat_stream(model=COMMAND, messages=HELLO)]


def genai_answers(provider):
    client = genai(provider)
    client.models.generate_content(model=GEMINI, contents="Say hello")


def genai_streams_too(provider):
    client = genai(provider)
    assert list(client.models.generate_content_stream(model=GEMINI, contents="Say hello"))


async def genai_awaits(provider):
    client = genai(provider)
    await client.aio.models.generate_content(model=GEMINI, contents="Say hello")


async def genai_streams(provider):
    client = genai(provider)
    stream = await client.aio.models.generate_content_stream(model=GEMINI, contents="Say hello")
    assert [each async for each in stream]


async def claude_streams(provider):
    assert [each async for each in claude(provider).astream("Say hello")]


async def gemini_streams(provider):
    assert [each async for each in gemini(provider).astream("Say hello")]


async def pydantic_runs(provider):
    await pydantic_agent(provider).run("Say hello")


async def pydantic_streams(provider):
    async with pydantic_agent(provider).run_stream("Say hello") as result:
        await result.get_output()


async def agents_run(provider):
    await of("agents").Runner.run(agents_sdk(provider), "Say hello")


async def agents_stream(provider):
    result = of("agents").Runner.run_streamed(agents_sdk(provider), "Say hello")
    assert [each async for each in result.stream_events()]


def awaited(main):
    return lambda provider: asyncio.run(main(provider))


WAYS = [
    Way(
        "groq",
        "groq",
        lambda p: groq(p).chat.completions.create(model=GPT, messages=HELLO),
    ),
    Way(
        "groq stream",
        "groq",
        lambda p: list(groq(p).chat.completions.create(model=GPT, messages=HELLO, stream=True)),
    ),
    Way("groq async", "groq", awaited(groq_awaits)),
    Way("groq stream async", "groq", awaited(groq_streams)),
    Way("mistral", "mistralai", lambda p: mistral(p).chat.complete(model=GPT, messages=HELLO)),
    Way(
        "mistral stream",
        "mistralai",
        lambda p: list(mistral(p).chat.stream(model=GPT, messages=HELLO)),
    ),
    Way("mistral async", "mistralai", awaited(mistral_awaits)),
    Way("mistral stream async", "mistralai", awaited(mistral_streams)),
    Way("cohere", "cohere", lambda p: cohere(p).chat(model=COMMAND, messages=HELLO)),
    Way(
        "cohere stream",
        "cohere",
        lambda p: list(cohere(p).chat_stream(model=COMMAND, messages=HELLO)),
    ),
    Way("cohere async", "cohere", awaited(cohere_awaits)),
    Way("cohere stream async", "cohere", awaited(cohere_streams)),
    Way("cohere embed", "cohere", cohere_embeds),
    Way("genai", "google.genai", genai_answers),
    Way("genai stream", "google.genai", genai_streams_too),
    Way("genai async", "google.genai", awaited(genai_awaits)),
    Way("genai stream async", "google.genai", awaited(genai_streams)),
    Way("langchain anthropic", "langchain_anthropic", lambda p: claude(p).invoke("Say hello")),
    Way(
        "langchain anthropic stream",
        "langchain_anthropic",
        lambda p: list(claude(p).stream("Say hello")),
    ),
    Way("langchain anthropic stream async", "langchain_anthropic", awaited(claude_streams)),
    Way("langchain google", "langchain_google_genai", lambda p: gemini(p).invoke("Say hello")),
    Way(
        "langchain google stream",
        "langchain_google_genai",
        lambda p: list(gemini(p).stream("Say hello")),
    ),
    Way("langchain google stream async", "langchain_google_genai", awaited(gemini_streams)),
    Way("pydantic-ai", "pydantic_ai", awaited(pydantic_runs)),
    Way("pydantic-ai stream", "pydantic_ai", awaited(pydantic_streams)),
    Way("agents sdk", "agents", awaited(agents_run)),
    Way("agents sdk stream", "agents", awaited(agents_stream)),
]


def is_there(way):
    try:
        return find_spec(way.needs) is not None
    except ModuleNotFoundError:
        return False


each_way = pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            way,
            id=way.name,
            marks=pytest.mark.skipif(not is_there(way), reason=f"{way.needs} is not installed"),
        )
        for way in WAYS
    ],
)


@each_way
def test_a_call_is_one_request_and_its_charge_is_the_bill(way):
    with guarded(Reply(input_tokens=1_000)) as rig:
        way.run(rig.provider)
        assert len(rig.records) == len(rig.provider.requests) == 1
        assert rig.billed_usd > 0
        rig.assert_settled()


@each_way
def test_a_refusal_reaches_the_user_at_the_first_attempt(way):
    with guarded(usd="0.00000001") as rig:
        with pytest.raises(BudgetExceededError):
            way.run(rig.provider)
        assert rig.provider.requests == []


@each_way
def test_a_second_call_after_the_stop_is_refused_too(way):
    with guarded(usd="0.00000001") as rig:
        for _ in range(2):
            with pytest.raises(BudgetExceededError):
                way.run(rig.provider)
        assert rig.provider.requests == []
