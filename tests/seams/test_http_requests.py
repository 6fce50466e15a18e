"""What leaves: the caller's request, or another one in its place where a cap must be written."""

import asyncio
import json

import pytest

from http_libraries import BODY, each_library
from wflo_otel.core.policy import Mode
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.http import request as requests
from wflo_otel.seams.http.library import library_of
from wflo_otel.testing import Reply
from wiring import guarded

#: Leaves room for less output than the 500 tokens that are asked for.
TIGHT = "0.002"
LONG = {**BODY, "max_tokens": 500}


def chat_url(rig):
    return f"{rig.provider.openai_url}/chat/completions"


def sent(rig):
    return rig.provider.requests[-1]


@each_library
def test_a_smaller_cap_is_written_into_a_request_that_does_not_fit(library):
    with guarded(Reply(output_tokens=500), usd=TIGHT) as rig, library.Client() as client:
        request = client.build_request("POST", chat_url(rig), json=LONG)
        response = client.send(request)
        assert 100 < sent(rig).body["max_tokens"] < 200
        assert sent(rig).headers["content-length"] == str(
            len(json.dumps(sent(rig).body, separators=(",", ":")))
        )
        assert {**sent(rig).body, "max_tokens": 500} == LONG
        assert response.request is request
        assert json.loads(request.content) == LONG
        assert rig.records[0].clamped
        rig.assert_settled()


@each_library
def test_a_request_that_fits_leaves_as_it_is(library):
    with guarded() as rig, library.Client() as client:
        request = client.build_request("POST", chat_url(rig), json=BODY)
        assert client.send(request).request is request
        assert sent(rig).body == BODY


@each_library
def test_a_signed_request_is_refused_rather_than_changed(library):
    with guarded(usd=TIGHT) as rig, library.Client() as client:
        with pytest.raises(BudgetExceededError):
            client.post(chat_url(rig), json=LONG, headers={"authorization": "AWS4-HMAC-SHA256 x"})
        assert rig.provider.requests == []


@each_library
@pytest.mark.parametrize("header", ["x-amz-content-sha256", "content-digest"])
def test_a_signed_stream_leaves_as_it_is(library, header):
    with guarded() as rig, library.Client() as client:
        body = {**BODY, "stream": True}
        client.post(chat_url(rig), json=body, headers={header: "digest"})
        assert sent(rig).body == body
        assert rig.records[0].cost > 0


@each_library
def test_a_body_from_a_generator_is_read_and_sent(library):
    def body():
        yield b'{"model":"gpt-4o","max_tokens":50,'
        yield b'"messages":[{"role":"user","content":"Say hello"}]}'

    with guarded() as rig, library.Client() as client:
        client.post(chat_url(rig), content=body())
        assert sent(rig).body == BODY
        assert "transfer-encoding" not in sent(rig).headers
        rig.assert_settled()


@each_library
def test_a_body_from_an_asynchronous_generator_is_read_and_sent(library):
    async def body():
        yield json.dumps(BODY).encode()

    async def main(rig):
        async with library.AsyncClient() as client:
            await client.post(chat_url(rig), content=body())

    with guarded() as rig:
        asyncio.run(main(rig))
        assert sent(rig).body == BODY
        rig.assert_settled()


@each_library
def test_a_generator_that_is_too_long_to_read_is_sent_on_whole_and_charged(library, monkeypatch):
    monkeypatch.setattr(requests, "MAX_BODY_BYTES", 20)
    whole = json.dumps(BODY).encode()

    def body():
        yield whole[:30]
        yield whole[30:]

    async def body_async():
        yield whole[:30]
        yield whole[30:]

    async def main(rig):
        async with library.AsyncClient() as client:
            await client.post(chat_url(rig), content=body_async())

    with guarded() as rig, library.Client() as client:
        client.post(chat_url(rig), content=body())
        asyncio.run(main(rig))
        assert [each.body for each in rig.provider.requests] == [BODY, BODY]
        rig.assert_settled()


@each_library
def test_the_same_request_may_be_sent_twice(library):
    with guarded(Reply(output_tokens=10), usd=TIGHT) as rig, library.Client() as client:
        request = client.build_request("POST", chat_url(rig), json=LONG)
        first, second = client.send(request), client.send(request)
        assert first.status_code == second.status_code == 200
        assert len(rig.records) == 2
        rig.assert_settled()


@each_library
def test_extensions_and_headers_are_kept_in_a_request_that_is_rewritten(library):
    seen = []

    def answer(request):
        seen.append(request)
        return library.Response(200, json={})

    with (
        guarded(usd=TIGHT) as rig,
        library.Client(transport=library.MockTransport(answer)) as client,
    ):
        client.post(
            chat_url(rig), json=LONG, headers={"x-own": "1"}, extensions={"own": 2}, timeout=7
        )
        assert seen[0].headers["x-own"] == "1"
        assert seen[0].extensions["own"] == 2
        assert seen[0].extensions["timeout"]["read"] == 7


@each_library
def test_shadow_mode_writes_no_cap(library):
    with guarded(usd=TIGHT, mode=Mode.SHADOW) as rig, library.Client() as client:
        client.post(chat_url(rig), json=LONG)
        assert sent(rig).body == LONG


@each_library
def test_a_response_that_is_fetched_again_is_charged_once(library):
    with guarded() as rig, library.Client() as client:
        url = f"{rig.provider.openai_url}/responses"
        made = client.post(url, json={"model": "gpt-4o", "input": "Say hello"}).json()
        for _ in range(3):
            assert client.get(f"{url}/{made['id']}").json()["id"] == made["id"]
        assert len(rig.provider.requests) == 4
        rig.assert_settled()


@each_library
def test_a_response_that_is_made_in_the_background_is_charged_when_it_is_done(library):
    with guarded() as rig, library.Client() as client:
        url = f"{rig.provider.openai_url}/responses"
        asked = {"model": "gpt-4o", "input": "Say hello", "background": True}
        made = client.post(url, json=asked).json()
        assert made["status"] == "queued"
        assert rig.ledger.open_calls == 1
        statuses = [client.get(f"{url}/{made['id']}").json()["status"] for _ in range(4)]
        assert statuses[-1] == "completed"
        assert rig.ledger.open_calls == 0
        rig.assert_settled()


@each_library
def test_a_request_that_takes_no_cap_is_refused_where_it_would_need_one(library):
    with guarded(usd="0.01") as rig, library.Client() as client:
        with pytest.raises(BudgetExceededError):
            client.post(
                f"{rig.provider.openai_url}/responses/compact",
                json={"model": "gpt-4o", "input": "Say hello"},
            )
        assert rig.provider.requests == []
        assert rig.ledger.open_calls == 0


@each_library
def test_a_stream_that_is_resumed_is_charged_once(library):
    with guarded() as rig, library.Client() as client:
        url = f"{rig.provider.openai_url}/responses"
        made = client.post(url, json={"model": "gpt-4o", "input": "Say hello"}).json()
        with client.stream("GET", f"{url}/{made['id']}?stream=true") as resumed:
            assert b"response.completed" in resumed.read()
        rig.assert_settled()


@each_library
def test_a_body_is_never_shown(library):
    with library.Client() as client:
        request = client.build_request("POST", "http://host.example/", json={"secret": 1})
    assert "secret" not in repr(requests.Parcel(library_of(library), request, request.content))
