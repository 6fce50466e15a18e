"""Forms, as images and sound are sent: read, bounded, and passed on byte for byte."""

import json

import pytest

from http_libraries import each_library
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.http import request
from wiring import guarded

EDITS = "https://api.openai.com/v1/images/edits"
IMAGE = b"\x89PNG\r\n\r\n--not-a-boundary" * 100
ANSWER = {"data": [{"b64_json": "AA=="}], "usage": {"input_tokens": 100, "output_tokens": 1000}}
COST = 100 * 5_000 + 1000 * 40_000


def server(library, seen):
    """A transport that keeps what it is sent."""

    def answer(request):
        seen.append(request.read())
        return library.Response(200, json=ANSWER)

    return library.MockTransport(answer)


def edit(library, seen, url=EDITS):
    with library.Client(transport=server(library, seen)) as client:
        fields = {"model": "gpt-image-1", "prompt": "more sea"}
        return client.post(url, data=fields, files={"image": ("a.png", IMAGE, "image/png")})


@each_library
def test_an_image_that_is_sent_as_a_form_is_charged(library):
    seen = []
    with guarded() as rig:
        assert edit(library, seen).json() == ANSWER
        assert IMAGE in seen[0]
        assert [(each.model, each.cost) for each in rig.records] == [("gpt-image-1", COST)]


@each_library
def test_a_form_that_does_not_fit_is_refused_before_it_leaves(library):
    seen = []
    with guarded(usd="0.01"), pytest.raises(BudgetExceededError):
        edit(library, seen)
    assert seen == []


@each_library
def test_a_form_that_is_too_large_to_read_passes_whole(library, monkeypatch):
    monkeypatch.setattr(request, "MAX_BODY_BYTES", 100)
    seen = []
    with guarded() as rig:
        assert edit(library, seen).status_code == 200
        assert IMAGE in seen[0]
        assert len(rig.records) == 1


@each_library
def test_a_form_to_an_api_that_takes_none_passes_unseen(library):
    seen = []
    with guarded() as rig:
        answer = edit(library, seen, "https://api.openai.com/v1/chat/completions")
        assert json.loads(answer.content) == ANSWER
        assert rig.records == []


@each_library
def test_a_body_too_large_to_read_is_a_stream_where_its_url_asks_for_one(library, monkeypatch):
    monkeypatch.setattr(request, "MAX_BODY_BYTES", 5)
    host = "https://generativelanguage.googleapis.com"
    url = f"{host}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"

    def body():
        yield b'{"contents":[]}'

    with guarded() as rig, library.Client(transport=server(library, [])) as client:
        client.post(url, content=body())
        assert [each.streaming for each in rig.records] == [True]
