"""Results of batches: many answers, each of which is paid for once."""

from __future__ import annotations

import json
from typing import Any

from wflo_otel.core.call import Answer
from wflo_otel.core.usage import Usage
from wflo_otel.wire.api import RouteKind
from wire_fixtures import ndjson, route

FILE = "https://api.openai.com/v1/files/file-1/content"
RESULTS = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"


def results(url: str, body: bytes, status: int = 200) -> Answer:
    return route(url, "GET").api.answer(status, {}, body)


def line(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "batch_req_1", "custom_id": "a", "response": {"body": body}, **more}


def test_each_line_of_openais_file_is_an_answer_of_its_own() -> None:
    chat = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o",
        "choices": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    response = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "usage": {"input_tokens": 5},
    }
    embeddings = {"object": "list", "data": [], "usage": {"prompt_tokens": 7}}
    answer = results(FILE, ndjson(line(chat), line(response), line(embeddings)))
    assert [(part.response_id, part.usage) for part in answer.parts] == [
        ("chatcmpl-1", Usage(3, 2)),
        ("resp_1", Usage(5)),
        ("batch_req_1", Usage(7)),
    ]
    assert {part.service_tier for part in answer.parts} == {"batch"}
    assert (answer.usage, answer.complete, answer.parts[0].model) == (None, True, "gpt-4o")


def test_each_line_of_anthropics_results_is_an_answer_of_its_own() -> None:
    message = {"id": "msg_1", "type": "message", "usage": {"input_tokens": 3}}
    succeeded = {"custom_id": "a", "result": {"type": "succeeded", "message": message}}
    failed = {"custom_id": "b", "result": {"type": "errored", "error": {}}}
    answer = results(RESULTS, ndjson(succeeded, failed))
    assert [(part.response_id, part.usage) for part in answer.parts] == [("msg_1", Usage(3))]


def test_an_answer_without_an_id_is_named_by_its_line() -> None:
    body = {"usage": {"prompt_tokens": 7}}
    named = {"custom_id": "a", "response": {"body": body}}
    assert results(FILE, ndjson(named)).parts[0].response_id == "a"


def test_a_file_of_something_else_has_no_parts() -> None:
    text = b'{"messages":[]}\n\nnonsense\n[1]\n\xff\n'
    assert results(FILE, text) == Answer(complete=True)


def test_an_error_has_no_parts() -> None:
    body = json.dumps({"error": {"type": "not_found"}}).encode()
    assert results(FILE, body, 404) == Answer(error_type="not_found")
    assert results(FILE, b"gone", 404) == Answer(error_type="404")


def test_results_are_fetched_and_nothing_is_asked_for() -> None:
    where = route(FILE, "GET")
    assert (where.kind, where.response_id) == (RouteKind.FETCH, "file-1")
    ask = where.api.ask(where, b"")
    assert ask is not None
    assert (ask.provider, ask.model) == ("openai", None)
    assert (where.api.name, where.api.with_cap(where, b"", 9)) == ("batch.results", None)


def test_handing_a_batch_in_has_no_cap_and_streams_nothing() -> None:
    where = route("https://api.openai.com/v1/batches")
    call = type(where)(where.api, RouteKind.CALL)
    assert where.api.with_cap(call, b"{}", 9) is None
    assert not where.api.stream().answer.complete
