"""The scripted provider as an HTTP server: connections, encodings, drops, and the way it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace

import httpx
import openai
import pytest

from wflo_otel.testing import Reply, ScriptedProvider
from wflo_otel.testing.provider import ReceivedRequest, ToolRequest
from wflo_otel.testing.provider.connection import Listener
from wflo_otel.testing.provider.encoding import ENCODINGS

BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "one two three"}]}
CHAT = "/v1/chat/completions"


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        yield provider


@pytest.fixture
def wire(provider: ScriptedProvider) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(provider.base_url.removeprefix("http://"), timeout=5)
    yield connection
    connection.close()


def send(wire: http.client.HTTPConnection, body: object = BODY, **headers: str):
    wire.request("POST", CHAT, json.dumps(body), headers)
    return wire.getresponse()


def wait_for(condition) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_one_connection_serves_many_requests(provider, wire) -> None:
    for _ in range(3):
        assert send(wire).read()

    assert provider.open_connections == 1
    wire.close()
    wait_for(lambda: provider.open_connections == 0)


def test_credentials_are_not_kept(provider, wire) -> None:
    send(wire, Authorization="Bearer s3cret", **{"X-Api-Key": "s3cret", "X-Trace": "t"}).read()

    (kept,) = provider.requests
    assert kept.headers["x-trace"] == "t"
    assert "s3cret" not in str(kept.headers)
    assert (kept.method, kept.path, kept.model, kept.body) == ("POST", CHAT, "gpt-4o", BODY)
    assert "one two" not in repr(kept)


def test_a_chunked_request_body_is_read(provider, wire) -> None:
    data = json.dumps(BODY).encode()
    wire.request("POST", CHAT, iter([data[:10], data[10:]]), encode_chunked=True)
    wire.getresponse().read()

    assert provider.requests[0].body == BODY
    assert send(wire).status == 200


@pytest.mark.parametrize("data", [b"not json", b"[1]", b""])
def test_a_body_that_is_no_object_is_an_empty_one(provider, wire, data) -> None:
    wire.request("POST", CHAT, data)
    wire.getresponse().read()

    assert provider.requests[0].body == {}


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("stream", [False, True])
def test_an_encoded_answer_reads_like_a_plain_one(provider, encoding, stream) -> None:
    provider.default = Reply(text="good day to you", encoding=encoding)

    with httpx.Client(trust_env=False) as client:
        answer = client.post(
            provider.base_url + CHAT,
            json=BODY | {"stream": stream},
            headers={"accept-encoding": encoding},
        )

    assert answer.headers["content-encoding"] == encoding
    assert "day" in answer.text
    assert provider.bill.entries[0].tokens.output == 4


def test_each_chunk_of_an_encoded_stream_is_readable_at_once(provider, wire) -> None:
    provider.default = Reply(encoding="gzip", chunk_delay_s=0.02)
    answer = send(wire, BODY | {"stream": True}, **{"Accept-Encoding": "gzip"})

    first = zlib.decompressobj(wbits=31).decompress(answer.read1(100_000))

    assert first.endswith(b"\n\n")
    assert provider.bill.entries[0].tokens.output < 20


def test_nothing_is_encoded_that_the_client_does_not_accept(provider, wire) -> None:
    provider.default = Reply(encoding="gzip")

    plain = send(wire)
    assert plain.headers["content-encoding"] is None
    assert plain.read().startswith(b"{")

    encoded = send(wire, **{"Accept-Encoding": "br;q=0.5, gzip"})
    assert gzip.decompress(encoded.read()).startswith(b"{")


def test_an_encoding_that_is_not_there_is_refused_when_it_is_scripted() -> None:
    with pytest.raises(ValueError, match="no encoding 'lzma' here, only gzip, deflate"):
        Reply(encoding="lzma")


def test_a_reply_has_no_negative_numbers() -> None:
    with pytest.raises(ValueError, match="output_tokens is negative: -1"):
        Reply(output_tokens=-1)


def test_a_connection_dropped_before_the_headers_costs_nothing(provider, wire) -> None:
    provider.script(Reply(drop="before_headers"))

    with pytest.raises(http.client.RemoteDisconnected):
        send(wire)

    assert (provider.bill.requests, provider.bill.calls) == (1, 0)


def test_a_body_dropped_in_the_middle_costs_everything(provider, wire) -> None:
    provider.script(Reply(drop="mid_body"))

    with pytest.raises(http.client.IncompleteRead):
        send(wire).read()

    (entry,) = provider.bill.entries
    assert (entry.tokens.output, entry.disconnected) == (20, True)


def test_a_stream_dropped_in_the_middle_costs_what_was_sent(provider, wire) -> None:
    provider.script(Reply(drop="mid_body"))

    with pytest.raises(http.client.IncompleteRead) as dropped:
        send(wire, BODY | {"stream": True}).read()

    (entry,) = provider.bill.entries
    assert (entry.tokens.output, entry.disconnected) == (10, True)
    assert dropped.value.partial.count(b'"content":" ') == 9  # and the first, without a space


def test_a_stream_that_is_left_costs_what_was_sent_by_then(provider) -> None:
    provider.script(Reply(output_tokens=200, chunk_delay_s=0.02))
    with openai.OpenAI(base_url=provider.openai_url, api_key="k") as client:
        stream = client.chat.completions.create(
            model="gpt-4o", messages=BODY["messages"], stream=True
        )
        seen = 0
        for chunk in stream:
            seen += bool(chunk.choices[0].delta.content)
            if seen == 20:
                break
        stream.close()
    provider.wait_until_idle()

    (entry,) = provider.bill.entries
    assert entry.disconnected
    assert entry.tokens.input == 3
    assert 20 <= entry.tokens.output < 60
    assert provider.bill.disconnected == 1


@pytest.mark.parametrize(("stream", "output"), [(False, 20), (True, 0)])
def test_a_client_that_does_not_wait_for_the_headers_is_seen_to_leave(
    provider, wire, stream, output
) -> None:
    provider.script(Reply(delay_s=30))
    wire.request("POST", CHAT, json.dumps(BODY | {"stream": stream}))
    wait_for(lambda: provider.bill.calls)
    wire.close()
    provider.wait_until_idle()

    (entry,) = provider.bill.entries
    assert (entry.disconnected, entry.tokens.output) == (True, output)


def test_a_client_that_resets_the_connection_has_left_too(provider, wire) -> None:
    provider.script(Reply(delay_s=30))
    wire.request("POST", CHAT, json.dumps(BODY))
    wait_for(lambda: provider.bill.calls)
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wire.close()
    provider.wait_until_idle()

    assert provider.bill.disconnected == 1


def test_a_client_that_resets_an_idle_connection_is_no_failure() -> None:
    with ScriptedProvider() as provider:
        address = provider.base_url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=5)
        assert _status(connection) == 200
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        wait_for(lambda: provider.open_connections == 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_while_much_is_written_has_left(provider, wire, stream) -> None:
    provider.script(Reply(text="good day " * 1_000_000))
    answer = send(wire, BODY | {"stream": stream})
    answer.read(1_000)
    answer.close()
    wire.close()
    provider.wait_until_idle()

    assert provider.bill.entries[0].disconnected


@pytest.mark.parametrize("reply", [Reply(), Reply(status=500), Reply(drop="before_headers")])
def test_answers_errors_and_drops_can_be_late(provider, wire, reply) -> None:
    provider.script(replace(reply, delay_s=0.05))
    began = time.monotonic()

    with contextlib.suppress(http.client.RemoteDisconnected):
        send(wire).read()

    assert time.monotonic() - began >= 0.05


def test_fifty_calls_at_once_are_answered_at_once_and_billed_to_the_nano(provider) -> None:
    provider.default = Reply(delay_s=0.2)

    async def calls() -> None:
        async with openai.AsyncOpenAI(base_url=provider.openai_url, api_key="k") as client:
            chat = client.chat.completions
            await asyncio.gather(
                *(chat.create(model="gpt-4o-mini", messages=BODY["messages"]) for _ in range(50))
            )

    began = time.monotonic()
    asyncio.run(calls())

    assert time.monotonic() - began < 5  # one after the other they take ten seconds
    # 3 * 0.15 + 20 * 0.60 dollars per million: 12,450 nano-dollars a call
    assert f"{provider.bill.total_usd:f}" == "0.000622500"
    assert len({request.at for request in provider.requests}) > 1


def test_an_endless_loop_ends(wire) -> None:
    with ScriptedProvider(max_requests=2) as provider:
        address = provider.base_url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=5)
        statuses = [_status(connection) for _ in range(4)]
        connection.close()

    assert statuses == [200, 200, 503, 503]
    assert (provider.bill.requests, provider.bill.calls) == (4, 2)


def _status(connection: http.client.HTTPConnection) -> int:
    answer = send(connection)
    answer.read()
    return answer.status


def test_what_a_responder_raises_is_answered_with_500_and_raised_at_the_end() -> None:
    def fail(request: ReceivedRequest) -> Reply:
        raise LookupError("no such turn")

    provider = ScriptedProvider()
    provider.reply_to(fail)
    connection = http.client.HTTPConnection(provider.base_url.removeprefix("http://"), timeout=5)
    assert _status(connection) == 500
    connection.close()

    with pytest.raises(LookupError, match="no such turn"):
        provider.close()


def test_an_error_of_the_test_itself_is_not_hidden_by_one_of_a_responder() -> None:
    def broken_test() -> None:
        with ScriptedProvider() as provider:
            provider.reply_to(lambda request: {}["turn"])
            address = provider.base_url.removeprefix("http://")
            connection = http.client.HTTPConnection(address, timeout=5)
            assert _status(connection) == 500
            connection.close()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_test()


def test_a_failure_of_the_server_itself_is_raised_at_the_end(provider) -> None:
    broken = ScriptedProvider()
    broken.script(Reply(tool_calls=(ToolRequest("f", {"x": object()}),)))
    connection = http.client.HTTPConnection(broken.base_url.removeprefix("http://"), timeout=5)
    with pytest.raises(http.client.RemoteDisconnected):
        send(connection)
    connection.close()

    with pytest.raises(TypeError, match="not JSON serializable"):
        broken.close()


def test_a_provider_that_is_closed_ends_what_is_under_way() -> None:
    with ScriptedProvider(Reply(delay_s=30)) as provider:
        connection = http.client.HTTPConnection(
            provider.base_url.removeprefix("http://"), timeout=5
        )
        connection.request("POST", CHAT, json.dumps(BODY))
        wait_for(lambda: provider.bill.calls)
        began = time.monotonic()

    assert time.monotonic() - began < 5
    assert provider.open_connections == 0
    connection.close()


def test_an_answer_that_does_not_end_is_a_failure_of_the_provider() -> None:
    released = threading.Event()
    listener = Listener(0, lambda request, client: released.wait(10) and None)
    serving = threading.Thread(target=listener.serve_forever, args=(0.01,))
    serving.start()
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
    connection.request("GET", "/")
    wait_for(lambda: listener.open_connections)

    listener.close(timeout_s=0.01)

    (failure,) = listener.failures
    assert str(failure) == "an answer is still being made 0.01 s after the provider closed"
    released.set()
    serving.join()
    connection.close()


def test_a_provider_may_be_closed_twice(provider) -> None:
    provider.close()
    provider.close()

    assert provider.default == Reply()


def test_waiting_for_an_answer_under_way_has_an_end(provider, wire) -> None:
    provider.script(Reply(delay_s=30))
    wire.request("POST", CHAT, json.dumps(BODY))
    wait_for(lambda: provider.bill.calls)

    with pytest.raises(TimeoutError, match=r"still being answered after 0\.01 s"):
        provider.wait_until_idle(0.01)


def test_the_bill_can_be_fetched_and_the_script_set_over_http(provider, wire) -> None:
    wire.request("POST", "/__script", json.dumps({"default": {"text": "hello"}}))
    assert wire.getresponse().read() == b"{}"
    answer = json.loads(send(wire).read())

    wire.request("GET", "/__bill")
    bill = json.loads(wire.getresponse().read())

    assert answer["choices"][0]["message"]["content"] == "hello"
    assert bill["calls"] == bill["requests"] == len(provider.requests) == 1
    assert bill["total_usd"] == "0.000017500"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/__script", {"defualt": {}}, 400),
        ("/__script", {"replies": [{"txt": "hello"}]}, 400),
        ("/__script", {"rules": [{"model": "gpt-4o"}]}, 400),
        ("/__other", {}, 404),
    ],
)
def test_a_wrong_script_is_refused_over_http(wire, path, body, status) -> None:
    wire.request("POST", path, json.dumps(body))

    answer = wire.getresponse()

    assert answer.status == status
    assert json.loads(answer.read())["error"]


def test_a_script_leaves_what_it_does_not_name(provider) -> None:
    provider.default = Reply(text="kept")

    provider.load({"replies": [{"text": "first"}]})

    assert provider.default.text == "kept"


def test_an_endpoint_without_streams_answers_whole(provider, wire) -> None:
    body = {"model": "text-embedding-3-small", "input": "one two", "stream": True}
    wire.request("POST", "/v1/embeddings", json.dumps(body))

    assert json.loads(wire.getresponse().read())["usage"]["prompt_tokens"] == 2
    assert provider.bill.entries[0].tokens.input == 2


def test_the_paths_of_gateways_are_served_too(provider, wire) -> None:
    wire.request("POST", "/openai/deployments/gpt-4o/chat/completions?v=1", json.dumps(BODY))

    assert json.loads(wire.getresponse().read())["object"] == "chat.completion"
