"""LiteLLM through the guard: one request and one charge a call, and a refusal that arrives."""

import asyncio
import gc
import warnings

import pytest

from sdk_paths import CLAUDE, EMBEDDING, HELLO, OPENAI_MODEL
from wflo_otel.core.call import Status
from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import Reply
from wiring import guarded

pytestmark = [
    pytest.mark.legacy,
    #: What LiteLLM itself leaves open or calls by an old name.
    pytest.mark.filterwarnings("ignore"),
]

GEMINI = "gemini-2.5-flash"
ENDLESS = Reply(output_tokens=5_000, chunk_delay_s=0.0002)


@pytest.fixture(autouse=True)
def litellm(monkeypatch):
    """The library, with its own prices from its own package and no client of another test."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    monkeypatch.setattr(litellm, "suppress_debug_info", True)
    yield litellm
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.fixture(autouse=True, scope="module")
def _nothing_left():
    """Collect the clients and loops that it leaves open, before another test meets them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def at(provider, model):
    """Whom to ask, and where."""
    base = provider.openai_url if model.startswith(("openai", "text")) else provider.base_url
    return {"model": model, "api_base": base, "api_key": "key"}


def asked(provider, model, **more):
    return {**at(provider, model), "messages": HELLO, **more}


def of(name):
    import litellm

    return getattr(litellm, name)


def completes(model, **more):
    return lambda provider: of("completion")(**asked(provider, model, **more))


def streams(model):
    def run(provider):
        assert list(of("completion")(**asked(provider, model, stream=True)))

    return run


def awaits(model, **more):
    return lambda provider: asyncio.run(of("acompletion")(**asked(provider, model, **more)))


def streams_async(model):
    async def main(provider):
        stream = await of("acompletion")(**asked(provider, model, stream=True))
        assert [each async for each in stream]

    return lambda provider: asyncio.run(main(provider))


def router(provider):
    told = {"model_name": "any", "litellm_params": at(provider, f"openai/{OPENAI_MODEL}")}
    return of("Router")(model_list=[told], num_retries=2)


def embeds(provider):
    of("embedding")(**at(provider, f"openai/{EMBEDDING}"), input=["one two three"])


def responds(provider):
    of("responses")(**at(provider, f"openai/{OPENAI_MODEL}"), input="Say hello")


def responds_in_a_stream(provider):
    told = at(provider, f"openai/{OPENAI_MODEL}")
    assert list(of("responses")(**told, input="Say hello", stream=True))


def responds_async(provider):
    asyncio.run(of("aresponses")(**at(provider, f"openai/{OPENAI_MODEL}"), input="Say hello"))


def responds_in_a_stream_async(provider):
    async def main():
        told = at(provider, f"openai/{OPENAI_MODEL}")
        stream = await of("aresponses")(**told, input="Say hello", stream=True)
        assert [each async for each in stream]

    asyncio.run(main())


def writes_on(provider):
    told = at(provider, "text-completion-openai/gpt-3.5-turbo-instruct")
    of("text_completion")(**told, prompt="Say hello", max_tokens=50)


GPT_THERE, CLAUDE_THERE, GEMINI_THERE = (
    f"openai/{OPENAI_MODEL}",
    f"anthropic/{CLAUDE}",
    f"gemini/{GEMINI}",
)
STREAMS = {
    "openai": streams(GPT_THERE),
    "openai async": streams_async(GPT_THERE),
    "anthropic": streams(CLAUDE_THERE),
    "anthropic async": streams_async(CLAUDE_THERE),
    "responses": responds_in_a_stream,
    "responses async": responds_in_a_stream_async,
}
WAYS = {
    "openai": completes(GPT_THERE),
    "openai async": awaits(GPT_THERE),
    "anthropic": completes(CLAUDE_THERE),
    "anthropic async": awaits(CLAUDE_THERE),
    "gemini async": awaits(GEMINI_THERE),
    "retries": completes(GPT_THERE, num_retries=2),
    "fallbacks": completes(GPT_THERE, fallbacks=["openai/gpt-4o-mini"]),
    "router": lambda provider: router(provider).completion(model="any", messages=HELLO),
    "router async": lambda provider: asyncio.run(
        router(provider).acompletion(model="any", messages=HELLO)
    ),
    "embedding": embeds,
    "responses": responds,
    "responses async": responds_async,
    "text completion": writes_on,
    **{f"{name} stream": run for name, run in STREAMS.items()},
}
each_way = pytest.mark.parametrize("run", WAYS.values(), ids=WAYS)


@each_way
def test_a_call_is_one_request_and_its_charge_is_the_bill(run):
    with guarded(Reply(input_tokens=1_000)) as rig:
        run(rig.provider)
        assert len(rig.records) == len(rig.provider.requests) == 1
        assert rig.billed_usd > 0
        rig.assert_settled()


@each_way
def test_a_refusal_reaches_the_user_as_itself_at_the_first_attempt(run):
    with guarded(usd="0.00000001") as rig:
        with pytest.raises(BudgetExceededError):
            run(rig.provider)
        assert rig.provider.requests == []
        assert rig.ledger.refused == 1


@pytest.mark.parametrize("run", STREAMS.values(), ids=STREAMS)
def test_a_cut_stream_reaches_the_user_as_itself(run):
    with guarded(ENDLESS, usd="0.01") as rig:
        with pytest.raises(BudgetExceededError):
            run(rig.provider)
        assert [each.status for each in rig.records] == [Status.CUT]
        assert len(rig.provider.requests) == 1


def test_an_error_of_the_provider_stays_an_error_of_litellm(litellm):
    with guarded(Reply(status=400)) as rig:
        with pytest.raises(litellm.BadRequestError):
            completes(GPT_THERE)(rig.provider)
        rig.assert_settled()


def test_what_is_tried_again_is_charged_for_each_attempt():
    with guarded(Reply(status=500), Reply()) as rig:
        router(rig.provider).completion(model="any", messages=HELLO)
        assert len(rig.provider.requests) == 2
        rig.assert_settled()
