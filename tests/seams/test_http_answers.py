"""Answers that are odd: too large, broken, of another kind, closed early."""

import asyncio
import gzip
import json

import pytest

from http_libraries import BODY, each_library
from wflo_otel.core.call import Status
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.http import reading
from wflo_otel.testing import Reply
from wiring import guarded

URL = "https://api.openai.com/v1/chat/completions"
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
COST = 10 * 2_500 + 5 * 10_000
WORD = b'data: {"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'


def answering(library, pieces, status=200, **headers):
    """A transport that answers with these pieces, unread."""

    class Pieces(library.SyncByteStream, library.AsyncByteStream):
        def __iter__(self):
            yield from pieces

        async def __aiter__(self):
            for piece in pieces:
                yield piece

    names = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(request):
        return library.Response(status, headers=names, stream=Pieces())

    return library.MockTransport(answer)


def post(library, transport, body=BODY):
    with library.Client(transport=transport) as client:
        return client.post(URL, json=body)


JSON = json.dumps(ANSWER).encode()


@each_library
def test_a_body_in_many_pieces_is_read_as_one(library):
    pieces = [JSON[at : at + 7] for at in range(0, len(JSON), 7)]
    with guarded() as rig:
        answer = post(library, answering(library, pieces, content_type="application/json"))
        assert answer.json() == ANSWER
        assert [each.cost for each in rig.records] == [COST]


@each_library
def test_a_body_too_large_to_keep_passes_and_is_charged_what_it_reserved(library, monkeypatch):
    monkeypatch.setattr(reading, "MAX_KEPT_BYTES", 10)
    with guarded() as rig:
        assert post(library, answering(library, [JSON, b" "])).json() == ANSWER
        assert rig.records[0].cost_source == "reserved"


@each_library
@pytest.mark.parametrize("encoding", ["gzip", "snappy"])
def test_a_body_that_cannot_be_decoded_is_charged_what_it_reserved(library, encoding):
    transport = answering(library, [b"not compressed"], content_encoding=encoding)
    with guarded() as rig, library.Client(transport=transport) as client:
        with client.stream("POST", URL, json=BODY) as answer:
            assert b"".join(answer.iter_raw()) == b"not compressed"
        (record,) = rig.records
        assert (record.status, record.cost_source) == (Status.UNKNOWN, "reserved")
        assert rig.ledger.open_calls == 0


@each_library
def test_a_stream_that_cannot_be_decoded_passes(library):
    transport = answering(
        library, [b"not", b"compressed"], content_encoding="gzip", content_type="text/event-stream"
    )
    with guarded() as rig, library.Client(transport=transport) as client:
        body = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
        with client.stream("POST", URL, json=body) as answer:
            assert b"".join(answer.iter_raw()) == b"notcompressed"
        assert rig.records[0].status is Status.UNKNOWN
        assert rig.ledger.open_calls == 0


@each_library
def test_a_hidden_usage_event_is_hidden_in_a_compressed_stream_too(library):
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}\n\n'
    stream = WORD + usage + b"data: [DONE]\n\n"
    transport = answering(
        library,
        [gzip.compress(stream)],
        content_encoding="gzip",
        content_type="text/event-stream",
    )
    with guarded() as rig:
        answer = post(library, transport, {**BODY, "stream": True})
        assert answer.content == WORD + b"data: [DONE]\n\n"
        assert [each.cost for each in rig.records] == [COST]


@each_library
def test_what_was_held_back_at_the_end_of_a_stream_is_handed_on(library):
    transport = answering(
        library, [WORD, b'data: {"choices":[]', b"}"], content_type="text/event-stream"
    )
    with guarded():
        answer = post(library, transport, {**BODY, "stream": True})
        assert answer.content == WORD + b'data: {"choices":[]}'


@each_library
def test_what_was_held_back_is_handed_on_asynchronously_too(library):
    async def main():
        transport = answering(
            library, [WORD, b'data: {"choices":[]', b"}"], content_type="text/event-stream"
        )
        async with library.AsyncClient(transport=transport) as client:
            return (await client.post(URL, json={**BODY, "stream": True})).content

    with guarded():
        assert asyncio.run(main()) == WORD + b'data: {"choices":[]}'


@each_library
def test_a_stream_that_ends_without_its_end_mark_is_recorded_as_incomplete(library):
    with guarded() as rig:
        post(
            library,
            answering(library, [WORD], content_type="text/event-stream"),
            {**BODY, "stream": True},
        )
        (record,) = rig.records
        assert (record.status, record.error_type) == (Status.ERROR, "incomplete_stream")
        assert record.usage.output_tokens == 1


@each_library
def test_an_answer_that_is_closed_unread_is_charged_what_it_reserved(library):
    with guarded() as rig, library.Client(transport=answering(library, [JSON])) as client:
        with client.stream("POST", URL, json=BODY):
            pass
        (record,) = rig.records
        assert (record.status, record.cost_source) == (Status.ABANDONED, "reserved")


@each_library
def test_an_answer_that_is_read_whole_and_closed_is_charged_as_it_says(library):
    with guarded() as rig, library.Client(transport=answering(library, [JSON, b""])) as client:
        with client.stream("POST", URL, json=BODY) as answer:
            next(answer.iter_raw())
        (record,) = rig.records
        assert (record.status, record.cost) == (Status.OK, COST)


@each_library
def test_an_error_that_is_closed_unread_is_free(library):
    transport = answering(library, [b'{"error":{"type":"overloaded"}}'], 529)
    with guarded() as rig, library.Client(transport=transport) as client:
        with client.stream("POST", URL, json=BODY):
            pass
        (record,) = rig.records
        assert (record.status, record.http_status, record.cost) == (Status.ERROR, 529, 0)
        assert record.error_type == "529"


@each_library
def test_a_body_that_breaks_off_is_charged_what_it_reserved(library):
    def broken():
        yield JSON[:20]
        raise library.ReadError("gone")

    class Broken(library.SyncByteStream):
        def __iter__(self):
            return broken()

    transport = library.MockTransport(lambda request: library.Response(200, stream=Broken()))
    with guarded() as rig:
        with pytest.raises(library.ReadError):
            post(library, transport)
        (record,) = rig.records
        assert (record.status, record.error_type) == (Status.UNKNOWN, "ReadError")
        assert record.cost_source == "reserved"


@each_library
def test_a_poll_of_a_response_that_is_gone_is_free(library):
    with guarded(Reply(status=404)) as rig, library.Client() as client:
        answer = client.get(f"{rig.provider.openai_url}/responses/resp_gone")
        assert answer.status_code == 404
        assert rig.records == []


@each_library
@pytest.mark.parametrize("status", [200, 400])
def test_a_compressed_body_in_place_of_a_stream_is_passed_on_as_it_came(library, status):
    transport = answering(
        library,
        [gzip.compress(JSON)],
        status,
        content_encoding="gzip",
        content_type="application/json",
    )
    with guarded() as rig:
        assert post(library, transport, {**BODY, "stream": True}).json() == ANSWER
        assert len(rig.records) == 1


@each_library
def test_an_answer_that_was_read_in_an_unknown_encoding_is_charged_what_it_reserved(library):
    headers = {"content-encoding": "snappy"}
    transport = library.MockTransport(
        lambda r: library.Response(200, headers=headers, content=JSON)
    )
    with guarded() as rig:
        post(library, transport)
        assert rig.records[0].cost_source == "reserved"


@each_library
def test_a_stream_that_is_read_on_after_it_was_cut_says_nothing_more(library):
    transport = answering(library, [WORD * 300] * 20, content_type="text/event-stream")
    with guarded(usd="0.002") as rig, library.Client(transport=transport) as client:
        with client.stream(
            "POST", URL, json={**BODY, "max_tokens": 9000, "stream": True}
        ) as answer:
            tee = answer.stream
            with pytest.raises(BudgetExceededError):
                list(tee)
            assert list(tee) == []
        assert [each.status for each in rig.records] == [Status.CUT]


@each_library
def test_a_response_still_knows_how_long_it_took(library):
    async def main():
        async with library.AsyncClient(transport=answering(library, [JSON])) as client:
            return await client.post(URL, json=BODY)

    with guarded():
        assert post(library, answering(library, [JSON])).elapsed.total_seconds() > 0
        assert asyncio.run(main()).elapsed.total_seconds() > 0
