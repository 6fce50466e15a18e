"""One exchange is guarded once, whichever client and transport carries it."""

import asyncio
import json

import pytest

from http_libraries import BODY, each_library
from sdk_paths import HELLO, OPENAI_MODEL, openai_client
from wflo_otel.core.call import Status
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams import http
from wflo_otel.testing import Reply
from wiring import guarded

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
COST = 10 * 2_500 + 5 * 10_000  # nano-USD, at $2.50 and $10 per million


def chat_url(rig):
    return f"{rig.provider.openai_url}/chat/completions"


def call(library, rig, **options):
    with library.Client(**options) as client:
        return client.post(chat_url(rig), json=BODY)


@each_library
def test_a_client_made_before_the_guard_is_guarded(library):
    http.uninstall()
    with library.Client() as client, guarded() as rig:
        client.post(chat_url(rig), json=BODY)
        rig.assert_settled()


@each_library
def test_a_top_level_call_is_guarded(library):
    with guarded() as rig:
        library.post(chat_url(rig), json=BODY)
        rig.assert_settled()


@each_library
def test_a_mounted_transport_is_guarded(library):
    with guarded() as rig:
        call(library, rig, mounts={"all://": library.HTTPTransport()})
        assert len(rig.records) == 1
        rig.assert_settled()


@each_library
def test_a_mocked_answer_is_charged_once(library):
    transport = library.MockTransport(lambda request: library.Response(200, json=ANSWER))
    with guarded() as rig:
        answer = call(library, rig, transport=transport)
        assert answer.json() == ANSWER
        assert [each.cost for each in rig.records] == [COST]


@each_library
def test_a_mocked_answer_is_refused_beyond_the_budget(library):
    transport = library.MockTransport(lambda request: library.Response(200, json=ANSWER))
    with guarded(usd="0.000000001") as rig, pytest.raises(BudgetExceededError):
        call(library, rig, transport=transport)


@each_library
def test_an_application_under_wsgi_is_guarded(library):
    def application(environ, start_response):
        start_response("200 OK", [("content-type", "application/json")])
        return [json.dumps(ANSWER).encode()]

    with guarded() as rig:
        call(library, rig, transport=library.WSGITransport(application))
        assert [each.cost for each in rig.records] == [COST]


@each_library
def test_a_usage_event_is_hidden_from_a_mocked_stream_too(library):
    def events(*payloads):
        return b"".join(b"data: " + payload + b"\n\n" for payload in payloads)

    word = b'{"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hi"}}]}'
    end = b'{"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
    usage = b'{"id":"c","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}'
    kind = {"content-type": "text/event-stream"}

    def answer(request):
        told = json.loads(request.content)["stream_options"]
        assert told == {"include_usage": True}
        return library.Response(200, headers=kind, content=events(word, end, usage, b"[DONE]"))

    with guarded() as rig, library.Client(transport=library.MockTransport(answer)) as client:
        response = client.post(chat_url(rig), json={**BODY, "stream": True})
        assert response.content == events(word, end, b"[DONE]")
        assert [each.cost for each in rig.records] == [COST]


class Retrying:
    """A transport that tries again on 503."""

    def __init__(self, inner):
        self.inner = inner

    def handle_request(self, request):
        response = self.inner.handle_request(request)
        if response.status_code != 503:
            return response
        response.close()
        return self.inner.handle_request(request)

    def close(self):
        self.inner.close()


@each_library
def test_each_attempt_of_a_retrying_transport_is_a_call(library):
    retrying = type("RetryingTransport", (Retrying, library.BaseTransport), {})
    with guarded(Reply(status=503)) as rig:
        answer = call(library, rig, transport=retrying(library.HTTPTransport()))
        assert answer.status_code == 200
        assert len(rig.provider.requests) == 2
        assert [each.http_status for each in rig.records] == [503, 200]
        rig.assert_settled()


@each_library
def test_a_retrying_transport_is_refused_its_second_attempt_beyond_the_budget(library):
    retrying = type("RetryingTransport", (Retrying, library.BaseTransport), {})
    with guarded(Reply(status=503), usd="1", calls=1) as rig:
        with pytest.raises(BudgetExceededError):
            call(library, rig, transport=retrying(library.HTTPTransport()))
        assert len(rig.provider.requests) == 1
        assert rig.ledger.open_calls == 0


@each_library
def test_a_transport_that_no_client_drives_is_guarded(library):
    with guarded() as rig, library.HTTPTransport() as transport:
        response = transport.handle_request(library.Request("POST", chat_url(rig), json=BODY))
        response.read()
        response.close()
        rig.assert_settled()
        assert len(rig.records) == 1


@each_library
def test_an_asynchronous_transport_that_no_client_drives_is_guarded(library):
    async def main(rig):
        async with library.AsyncHTTPTransport() as transport:
            request = library.Request("POST", chat_url(rig), json=BODY)
            response = await transport.handle_async_request(request)
            await response.aread()
            await response.aclose()

    with guarded() as rig:
        asyncio.run(main(rig))
        rig.assert_settled()
        assert len(rig.records) == 1


@each_library
def test_a_transport_that_drives_another_client_counts_once(library):
    class Proxying(library.BaseTransport):
        def handle_request(self, request):
            with library.Client() as inner:
                answer = inner.post(request.url, content=request.read())
            return library.Response(answer.status_code, json=answer.json())

    with guarded() as rig:
        call(library, rig, transport=Proxying())
        assert len(rig.records) == 1
        rig.assert_settled()


@each_library
def test_what_a_transport_fetches_for_itself_is_not_taken_for_the_call(library):
    class WithToken(library.BaseTransport):
        def __init__(self):
            self.inner = library.HTTPTransport()

        def handle_request(self, request):
            token = library.Request("GET", f"{request.url.copy_with(path='/__bill')}")
            self.inner.handle_request(token).read()
            return self.inner.handle_request(request)

        def close(self):
            self.inner.close()

    with guarded() as rig:
        call(library, rig, transport=WithToken())
        assert [each.cost_source for each in rig.records] == ["price"]
        rig.assert_settled()


@each_library
def test_a_transport_that_sends_elsewhere_is_charged_once(library):
    class Gateway(library.BaseTransport):
        def __init__(self):
            self.inner = library.HTTPTransport()

        def handle_request(self, request):
            url = request.url.copy_with(host="127.0.0.1", port=self.port, scheme="http")
            moved = library.Request("POST", url, content=request.read())
            return self.inner.handle_request(moved)

        def close(self):
            self.inner.close()

    with guarded() as rig:
        transport = Gateway()
        transport.port = int(rig.provider.base_url.rpartition(":")[2])
        with library.Client(transport=transport) as client:
            client.post("https://api.openai.com/v1/chat/completions", json=BODY)
        assert len(rig.records) == 1
        rig.assert_settled()


@each_library
def test_each_hop_of_a_redirect_is_guarded_and_only_the_last_is_charged(library):
    hops = []

    def answer(request):
        hops.append(json.loads(request.content))
        if len(hops) == 1:
            return library.Response(307, headers={"location": "/elsewhere/v1/chat/completions"})
        return library.Response(200, json=ANSWER)

    with guarded() as rig:
        response = call(
            library, rig, transport=library.MockTransport(answer), follow_redirects=True
        )
        assert response.status_code == 200
        assert hops == [BODY, BODY]
        assert [each.cost for each in rig.records] == [COST]
        assert rig.ledger.open_calls == 0


@each_library
def test_a_request_that_cannot_connect_is_not_charged(library):
    with guarded() as rig, library.Client() as client:
        with pytest.raises(library.ConnectError):
            client.post("http://127.0.0.1:9/v1/chat/completions", json=BODY)
        assert rig.ledger.settled.usd == rig.ledger.pending.usd == rig.ledger.open_calls == 0


@each_library
def test_a_request_that_is_never_answered_is_charged_what_it_reserved(library):
    with guarded(Reply(drop="before_headers")) as rig:
        with pytest.raises(library.RemoteProtocolError):
            call(library, rig)
        (record,) = rig.records
        assert record.status is Status.UNKNOWN
        assert record.cost_source == "reserved"
        assert record.cost > 50 * 10_000
        assert rig.ledger.open_calls == 0


def test_an_attempt_that_the_sdk_repeats_is_a_call_of_its_own():
    with guarded(Reply(status=429, retry_after_s=0)) as rig:
        with openai_client(rig.provider) as client:
            client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO)
        assert [(each.http_status, each.attempt) for each in rig.records] == [(429, 0), (200, 1)]
        rig.assert_settled()


@each_library
def test_other_traffic_passes_untouched(library):
    seen = []

    def answer(request):
        seen.append(request)
        return library.Response(200, text="fine")

    with guarded() as rig, library.Client(transport=library.MockTransport(answer)) as client:
        for request in (
            client.build_request("GET", "http://host.example/v1/chat/completions"),
            client.build_request("POST", "http://host.example/other", json=BODY),
            client.build_request("POST", "http://host.example/v1/chat/completions", content=b"no"),
            client.build_request("POST", "http://host.example/v1/messages/count_tokens", json=BODY),
            client.build_request("POST", "http://host.example/v1/embeddings", files={"f": b"x"}),
        ):
            assert client.send(request).text == "fine"
            assert seen[-1] is request
        assert rig.records == []


@each_library
def test_a_stream_of_the_wrong_kind_fails_as_without_the_guard(library):
    async def body():
        yield b"{}"

    with guarded() as rig, library.Client() as client:
        with pytest.raises(RuntimeError):
            client.post(chat_url(rig), content=body())
        assert rig.records == []
        assert rig.configuration.store.ledgers() == []


@each_library
def test_what_passes_a_synchronous_client_passes_an_asynchronous_one(library):
    async def answer(request):
        return library.Response(200, text="fine")

    def body():
        yield b"{}"

    async def main(rig):
        async with library.AsyncClient(transport=library.MockTransport(answer)) as client:
            assert (await client.post(chat_url(rig), content=b"no")).text == "fine"
            assert (await client.post("http://host.example/other", json=BODY)).text == "fine"
            with pytest.raises(RuntimeError):
                await client.post(chat_url(rig), content=body())

    with guarded() as rig:
        asyncio.run(main(rig))
        assert rig.records == []


@each_library
def test_an_asynchronous_request_that_cannot_connect_is_not_charged(library):
    async def main():
        async with library.AsyncClient() as client:
            await client.post("http://127.0.0.1:9/v1/chat/completions", json=BODY)

    with guarded() as rig:
        with pytest.raises(library.ConnectError):
            asyncio.run(main())
        assert rig.ledger.settled.usd == rig.ledger.open_calls == 0


@each_library
def test_a_request_that_is_cancelled_before_its_answer_is_charged_what_it_reserved(library):
    async def main(rig):
        async with library.AsyncClient() as client:
            task = asyncio.create_task(client.post(chat_url(rig), json=BODY))
            while not rig.provider.requests:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with guarded(Reply(delay_s=0.2)) as rig:
        asyncio.run(main(rig))
        (record,) = rig.records
        assert (record.status, record.cost_source) == (Status.CANCELLED, "reserved")
        assert rig.ledger.open_calls == 0
