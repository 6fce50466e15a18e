"""Requests of ``aiohttp`` sessions: decided before they leave, read as they come back."""

# ruff: noqa: SIM117  # a session and the response inside it read better as two blocks

import asyncio
import gc
import json

import pytest

from http_libraries import BODY
from wflo_otel.core.call import Status
from wflo_otel.core.policy import Unrecognised
from wflo_otel.errors import BudgetExceededError, ConfigError, UnrecognisedCallError
from wflo_otel.seams import http
from wflo_otel.seams.http import installation
from wflo_otel.seams.http.aiohttp import aiohttp_targets
from wflo_otel.testing import Reply
from wiring import guarded

aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed in this environment")

LONG = {**BODY, "max_tokens": 500}
STREAM = {"model": "gpt-4o", "messages": BODY["messages"], "stream": True}
GEMINI = {
    "contents": [{"role": "user", "parts": [{"text": "Say hello to the world"}]}],
    "generationConfig": {"maxOutputTokens": 50},
}


def chat_url(rig):
    return f"{rig.provider.openai_url}/chat/completions"


def gemini_url(rig, method):
    return f"{rig.provider.base_url}/v1beta/models/gemini-2.5-flash:{method}"


async def post(rig, body=BODY, **options):
    async with aiohttp.ClientSession() as session:
        async with session.post(chat_url(rig), json=body, **options) as response:
            return await response.json()


async def test_a_call_is_charged_what_was_billed():
    with guarded() as rig:
        answer = await post(rig)
        assert answer["usage"]["completion_tokens"] == 20
        (record,) = rig.records
        assert (record.status, record.model) == (Status.OK, "gpt-4o")
        rig.assert_settled()


async def test_the_request_leaves_as_it_was_given():
    with guarded() as rig:
        await post(rig)
        assert rig.provider.requests[0].body == BODY


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, str])
async def test_a_body_that_is_written_by_the_caller_is_read(kind):
    text = json.dumps(BODY)
    data = text if kind is str else kind(text.encode())
    headers = {"content-type": "application/json"}
    with guarded() as rig:
        async with aiohttp.ClientSession(rig.provider.base_url, headers=headers) as session:
            async with session.post("/v1/chat/completions", data=data) as response:
                assert response.status == 200
                await response.read()
        rig.assert_settled()
        assert rig.records[0].model == "gpt-4o"


async def test_a_call_that_the_budget_cannot_pay_is_refused_before_it_leaves():
    with guarded(usd="0.000001") as rig:
        with pytest.raises(BudgetExceededError):
            await post(rig)
        assert rig.provider.requests == []


@pytest.mark.parametrize("as_data", [False, True])
async def test_a_smaller_cap_is_written_into_a_request_that_does_not_fit(as_data):
    with guarded(Reply(output_tokens=500), usd="0.002") as rig:
        sent = {"data": json.dumps(LONG).encode()} if as_data else {"json": LONG}
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), **sent) as response:
                await response.read()
        (request,) = rig.provider.requests
        assert 100 < request.body["max_tokens"] < 200
        assert {**request.body, "max_tokens": 500} == LONG
        assert request.headers["content-type"] == "application/json"
        rig.assert_settled()


async def test_a_length_that_the_caller_gave_is_corrected_where_the_body_changes():
    data = json.dumps(LONG).encode()
    headers = {"Content-Length": str(len(data)), "X-Mine": "kept"}
    with guarded(Reply(output_tokens=500), usd="0.002") as rig:
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), data=data, headers=headers) as response:
                assert response.status == 200
        (request,) = rig.provider.requests
        assert request.headers["x-mine"] == "kept"
        assert request.body["max_tokens"] < 200


async def lines(content):
    return [line async for line in content]


async def pieces(content):
    return [each async for each in content.iter_any()]


async def chunked(content):
    return [each async for each in content.iter_chunked(7)]


async def chunks(content):
    return [data async for data, _ in content.iter_chunks()]


async def exactly(content):
    found = [await content.readexactly(10)]
    while not content.at_eof():
        found.append(await content.readany())
    return found


async def until(content):
    found = []
    while piece := await content.readuntil(b"\n\n"):
        found.append(piece)
    return found


async def nowait(content):
    found = []
    while not content.at_eof():
        found += [await content.read(1), content.read_nowait()]
    return found


async def whole(content):
    return [await content.read()]


WAYS = [lines, pieces, chunked, chunks, exactly, until, nowait, whole]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
async def test_a_stream_is_read_by_whichever_method_and_its_usage_is_not_shown(way):
    with guarded() as rig:
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), json=STREAM) as response:
                text = b"".join(await way(response.content)).decode()
        assert rig.provider.requests[0].body["stream_options"] == {"include_usage": True}
        assert text.endswith("data: [DONE]\n\n")
        assert '"choices":[]' not in text
        assert rig.records[0].usage.output_tokens == 20
        rig.assert_settled()


async def test_the_ends_of_the_servers_chunks_are_kept():
    with guarded() as rig:
        body = {**STREAM, "stream_options": {"include_usage": True}}
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), json=body) as response:
                found = [each async for each in response.content.iter_chunks()]
        at, ends_at, events_end_at = 0, set(), set()
        for data, ends in found:
            at += len(data)
            ends_at |= {at} if ends else set()
        text = b"".join(data for data, _ in found)
        for each in text.split(b"\n\n")[:-1]:
            events_end_at.add(max(events_end_at, default=0) + len(each) + 2)
        assert ends_at == events_end_at


async def test_a_stream_that_cannot_grow_is_cut():
    with guarded(Reply(output_tokens=16_000, chunk_delay_s=0.0002), usd="0.002") as rig:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(BudgetExceededError) as raised:
                async with session.post(chat_url(rig), json=STREAM) as response:
                    await lines(response.content)
        assert raised.value.sent
        (record,) = rig.records
        assert record.status is Status.CUT
        rig.provider.wait_until_idle()
        assert rig.provider.bill.disconnected == 1


async def test_a_stream_that_is_left_is_charged():
    with guarded(Reply(output_tokens=2_000, chunk_delay_s=0.001)) as rig:
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), json=STREAM) as response:
                for _ in range(20):
                    await response.content.readline()
        (record,) = rig.records
        assert record.status is Status.ABANDONED
        assert record.cost > 0
        assert rig.ledger.open_calls == 0


async def test_an_answer_that_nobody_reads_is_charged_what_it_says():
    with guarded() as rig:
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), json=BODY) as response:
                await asyncio.sleep(0.05)
                assert response.status == 200
        rig.assert_settled()


async def test_an_answer_that_is_dropped_is_charged():
    with guarded() as rig:
        async with aiohttp.ClientSession() as session:
            response = await session.post(chat_url(rig), json=BODY)
            await response.content.readany()
            del response
            gc.collect()
            assert len(rig.records) == 1
        assert rig.ledger.open_calls == 0


async def test_a_call_that_is_cancelled_while_it_waits_for_an_answer_is_charged():
    with guarded(Reply(delay_s=5)) as rig:
        task = asyncio.create_task(post(rig))
        while not rig.provider.requests:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [each.status for each in rig.records] == [Status.CANCELLED]
        assert rig.ledger.open_calls == 0


async def test_a_stream_whose_reader_is_cancelled_is_charged():
    async def read(rig):
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), json=STREAM) as response:
                await lines(response.content)

    with guarded(Reply(output_tokens=2_000, chunk_delay_s=0.01)) as rig:
        task = asyncio.create_task(read(rig))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [each.status for each in rig.records] == [Status.CANCELLED]


async def test_reading_may_go_on_after_the_readers_own_time_out():
    with guarded(Reply(output_tokens=5, chunk_delay_s=0.05)) as rig:
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), json=STREAM) as response:
                found = b""
                while not response.content.at_eof():
                    try:
                        found += await asyncio.wait_for(response.content.readany(), 0.02)
                    except TimeoutError:
                        continue
        assert found.endswith(b"data: [DONE]\n\n")
        rig.assert_settled()


async def test_a_stream_that_breaks_is_charged_what_came():
    with guarded(Reply(output_tokens=200, drop="mid_body")) as rig:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientPayloadError):
                async with session.post(chat_url(rig), json=STREAM) as response:
                    await lines(response.content)
        assert [each.status for each in rig.records] == [Status.ERROR]
        assert rig.records[0].cost > 0


async def test_an_error_costs_nothing_and_is_the_callers_to_see():
    with guarded(Reply(status=429, error_type="rate_limit_error")) as rig:
        assert (await post(rig))["error"]["type"] == "rate_limit_error"
        (record,) = rig.records
        assert (record.http_status, record.error_type, record.cost) == (429, "rate_limit_error", 0)


async def test_an_error_that_the_session_raises_costs_nothing():
    with guarded(Reply(status=503)) as rig:
        with pytest.raises(aiohttp.ClientResponseError):
            await post(rig, raise_for_status=True)
        (record,) = rig.records
        assert (record.status, record.http_status, record.cost) == (Status.ERROR, 503, 0)


async def test_a_call_that_cannot_connect_costs_nothing():
    with guarded() as rig:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post("http://127.0.0.1:9/v1/chat/completions", json=BODY)
        assert rig.records == []
        assert rig.ledger.pending.usd == 0


async def test_a_connection_that_is_lost_before_an_answer_is_charged_in_full():
    with guarded(Reply(drop="before_headers")) as rig:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await post(rig)
        assert [each.status for each in rig.records] == [Status.UNKNOWN]


@pytest.mark.parametrize("decompresses", [True, False])
async def test_a_compressed_answer_is_read(decompresses):
    with guarded(Reply(encoding="gzip"), Reply(encoding="gzip")) as rig:
        for body in (BODY, {**STREAM, "stream_options": {"include_usage": True}}):
            options = {"auto_decompress": decompresses}
            async with aiohttp.ClientSession() as session:
                async with session.post(chat_url(rig), json=body, **options) as response:
                    data = await response.read()
            assert data.startswith(b"\x1f\x8b") is not decompresses
        rig.assert_settled()


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
async def test_gemini_is_read(method):
    with guarded(Reply(reasoning_tokens=5)) as rig:
        async with aiohttp.ClientSession() as session:
            url, params = gemini_url(rig, method), {"alt": "sse"}
            async with session.post(url, json=GEMINI, params=params) as response:
                await response.read()
        (record,) = rig.records
        assert (record.model, record.usage.reasoning_tokens) == ("gemini-2.5-flash", 5)
        rig.assert_settled()


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"a": "form"}},
        {"data": "model=x", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"data": "no json"},
        {},
    ],
    ids=["form", "urlencoded", "text", "nothing"],
)
async def test_what_is_no_call_is_let_pass(options):
    with guarded(usd="0.000001") as rig:
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), **options) as response:
                assert response.status == 200
        assert rig.records == []


async def test_other_urls_are_let_pass():
    with guarded(usd="0.000001") as rig:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{rig.provider.openai_url}/models") as response:
                assert response.status == 200
            with pytest.raises(aiohttp.InvalidURL):
                await session.post("http://[", json=BODY)


async def test_a_url_of_another_type_is_the_librarys_to_refuse():
    with guarded():
        async with aiohttp.ClientSession() as session:
            with pytest.raises(Exception, match="str"):
                await session.post(object(), json=BODY)


async def test_a_body_that_cannot_be_read_is_guarded_all_the_same():
    async def generated():
        yield json.dumps(BODY).encode()

    with guarded() as rig:
        async with aiohttp.ClientSession() as session:
            async with session.post(chat_url(rig), data=generated()) as response:
                await response.read()
        assert len(rig.records) == 1


async def test_a_redirect_is_not_the_call(monkeypatch):
    with guarded() as rig:
        async with aiohttp.ClientSession() as session:
            response = await session.post(chat_url(rig), json=BODY, allow_redirects=False)
            await response.read()
        rig.assert_settled()


@pytest.mark.newest  # openai 2 has no such client
async def test_an_exchange_of_another_guarded_client_is_charged_once():
    import openai

    with guarded() as rig:
        http_client = openai.DefaultAioHttpClient()
        async with openai.AsyncOpenAI(
            base_url=rig.provider.openai_url, api_key="key", http_client=http_client
        ) as client:
            for stream in (False, True):
                answer = await client.chat.completions.create(
                    model="gpt-4o", messages=BODY["messages"], stream=stream
                )
                if stream:
                    assert [each async for each in answer]
        assert len(rig.records) == len(rig.provider.requests) == 2
        rig.assert_settled()


def test_the_session_is_as_it_was_after_lifting():
    http.uninstall()
    original = aiohttp.ClientSession.__dict__["_request"]
    http.install()
    assert aiohttp.ClientSession.__dict__["_request"] is not original
    http.uninstall()
    assert aiohttp.ClientSession.__dict__["_request"] is original


def test_a_library_of_another_shape_is_refused(monkeypatch):
    http.uninstall()

    class Session:
        async def _request(self, url):
            raise NotImplementedError

    monkeypatch.setattr(aiohttp, "ClientSession", Session)
    monkeypatch.setattr(installation, "_is_installed", True)
    with pytest.raises(ConfigError, match=r"aiohttp 3.*Session\._request.*refuse to start"):
        installation._guard(aiohttp_targets, aiohttp)


PROMPT = {"model": "m-1", "prompt": "A secret about the tides"}


async def ask_unknown(rig, **options):
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{rig.provider.base_url}/v3/generate", **options) as response:
            return response.status


@pytest.mark.parametrize("kind", [dict, str, bytes])
async def test_a_call_in_an_api_that_nobody_knows_is_counted(kind):
    text = json.dumps(PROMPT)
    body = {"json": PROMPT} if kind is dict else {"data": text if kind is str else text.encode()}
    with guarded() as rig:
        await ask_unknown(rig, headers={"content-type": "application/json"}, **body)
        assert [request.body for request in rig.provider.requests] == [PROMPT]
        ((kind_of_note, address),) = rig.notes
        assert kind_of_note == "unrecognised"
        assert address.endswith("/v3/generate")


async def test_a_call_in_an_api_that_nobody_knows_is_refused_where_the_policy_says_so():
    with guarded(unrecognised=Unrecognised.REFUSE) as rig:
        with pytest.raises(UnrecognisedCallError):
            await ask_unknown(rig, json=PROMPT)
        assert rig.provider.requests == []


@pytest.mark.parametrize("kind", ["plain", "generated", "harmless"])
async def test_other_traffic_passes_as_it_was_given(kind):
    async def parts():
        yield json.dumps(PROMPT).encode()

    body = {
        "plain": {"data": json.dumps(PROMPT), "headers": {"content-type": "text/plain"}},
        "generated": {"data": parts(), "headers": {"content-type": "application/json"}},
        "harmless": {"json": {"model": "m-1"}},
    }[kind]
    with guarded(unrecognised=Unrecognised.REFUSE) as rig:
        await ask_unknown(rig, **body)
        assert len(rig.provider.requests) == 1
        assert rig.notes == {}


async def test_a_url_that_is_impossible_is_for_the_library_to_refuse():
    with guarded(unrecognised=Unrecognised.REFUSE):
        async with aiohttp.ClientSession() as session:
            with pytest.raises((aiohttp.InvalidURL, ValueError)):
                await session.post("http://127.0.0.1:99999/v3/generate", json=PROMPT)
