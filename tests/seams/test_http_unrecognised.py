"""Requests to an API that nobody knows: counted, warned of once, and refused where asked."""

import asyncio
import json
import logging
import pickle

import pytest
from opentelemetry import trace

import wflo_otel as wflo
from decorated import kept_spans
from http_libraries import BODY, each_library
from wflo_otel.core.policy import Mode, Unrecognised
from wflo_otel.engine.unrecognised import MAX_ADDRESSES, OTHERS
from wflo_otel.errors import StoreError
from wflo_otel.report import report_of
from wiring import guarded

REFUSE = Unrecognised.REFUSE
PROMPT = {"model": "m-1", "prompt": "A secret about the tides"}
JSON = {"content-type": "application/json"}


def url(rig, path="/v3/generate"):
    return f"{rig.provider.base_url}{path}"


def address(rig, path="/v3/generate"):
    return url(rig, path).partition("://")[2]


def seen(rig, path="/v3/generate"):
    return rig.notes.get(("unrecognised", address(rig, path)), 0)


async def posted(library, where, **body):
    async with library.AsyncClient() as client:
        return await client.post(where, **body)


@each_library
def test_a_request_that_looks_like_a_call_is_sent_and_counted_once(library):
    with guarded() as rig:
        with library.Client() as client:
            for _ in range(3):
                client.post(url(rig), json=PROMPT)
        assert [request.body for request in rig.provider.requests] == [PROMPT] * 3
        assert rig.notes == {("unrecognised", address(rig)): 3}
        assert rig.records == []


@each_library
def test_so_is_one_of_an_asynchronous_client(library):
    with guarded() as rig:
        asyncio.run(posted(library, url(rig), json=PROMPT))
        assert len(rig.provider.requests) == seen(rig) == 1


@each_library
def test_so_is_one_that_no_client_sends(library):
    with guarded() as rig:
        with library.HTTPTransport() as transport:
            transport.handle_request(library.Request("POST", url(rig), json=PROMPT)).read()
        assert seen(rig) == 1


@each_library
def test_it_is_refused_before_it_is_sent_where_the_policy_says_so(library):
    with guarded(unrecognised=REFUSE) as rig:
        with pytest.raises(wflo.UnrecognisedCallError) as raised:
            library.post(f"{url(rig)}?key=hidden", json=PROMPT)
        with pytest.raises(wflo.UnrecognisedCallError):
            asyncio.run(posted(library, url(rig), json=PROMPT))
        assert rig.provider.requests == []
        assert raised.value.address == address(rig)
        assert not raised.value.sent
        assert "hidden" not in str(raised.value)
        assert "secret" not in str(raised.value)
        assert rig.notes == {
            ("unrecognised", address(rig)): 2,
            ("refused", "unrecognised"): 2,
        }


@each_library
def test_the_refusal_pickles_and_is_an_error_that_the_sdks_let_through(library):
    openai = pytest.importorskip("openai")
    with guarded(unrecognised=REFUSE) as rig:
        with pytest.raises(openai.OpenAIError) as raised:
            library.post(url(rig), json=PROMPT)
        again = pickle.loads(pickle.dumps(raised.value))
        assert type(again) is wflo.UnrecognisedCallError
        assert again.address == address(rig)


@each_library
def test_shadow_mode_sends_it_and_records_what_would_have_been(library, caplog):
    with kept_spans() as spans, guarded(unrecognised=REFUSE, mode=Mode.SHADOW) as rig:
        with trace.get_tracer("the program's own").start_as_current_span("around"):
            library.post(url(rig), json=PROMPT)
        assert len(rig.provider.requests) == 1
        assert rig.notes == {("unrecognised", address(rig)): 1}
        (event,) = next(span for span in spans() if span.name == "around").events
        assert event.attributes["wflo.shadow"] is True
        assert event.attributes["wflo.refusal.policy"] == "unrecognised"
    assert "they are not charged" in caplog.text


@each_library
def test_a_refusal_is_shown_on_a_span_of_its_own(library):
    refused = pytest.raises(wflo.UnrecognisedCallError)
    with kept_spans() as spans, guarded(unrecognised=REFUSE) as rig, refused:
        library.post(url(rig), json=PROMPT)
    (span,) = [span for span in spans() if span.name.startswith("chat")]
    assert span.name == "chat m-1"
    assert span.attributes["error.type"] == "UnrecognisedCallError"
    assert span.attributes["server.address"] == "127.0.0.1"
    assert span.attributes["wflo.refusal.policy"] == "unrecognised"
    (event,) = span.events
    assert event.name == "wflo.policy.decision"
    assert "secret" not in span.to_json()


@each_library
def test_each_address_is_warned_of_once_without_query_or_content(library, caplog):
    with guarded() as rig, caplog.at_level(logging.WARNING, "wflo_otel"):
        for path in ("/v3/generate?key=hidden", "/v3/generate", "/v4/generate"):
            library.post(url(rig, path), json=PROMPT)
        told = [record.getMessage() for record in caplog.records if "look like" in record.msg]
        assert len(told) == 2
        assert address(rig) in told[0]
        assert not any(word in caplog.text for word in ("hidden", "secret", "m-1"))


@each_library
def test_addresses_beyond_the_bound_are_counted_as_one(library, caplog):
    with guarded() as rig:
        with library.Client() as client:
            for number in range(MAX_ADDRESSES + 3):
                client.post(url(rig, f"/{number}/generate"), json=PROMPT)
        assert rig.notes["unrecognised", OTHERS] == 3
        assert len(rig.notes) == MAX_ADDRESSES + 1
    assert len([record for record in caplog.records if "look like" in record.msg]) == MAX_ADDRESSES


@each_library
@pytest.mark.parametrize(
    "request_",
    [
        ("POST", {"json": {"model": "m-1"}}),
        ("POST", {"json": {"query": "x"}}),
        ("POST", {"data": PROMPT}),
        ("POST", {"content": json.dumps(PROMPT), "headers": {"content-type": "text/plain"}}),
        ("PUT", {"json": PROMPT}),
        ("PATCH", {"json": PROMPT}),
    ],
    ids=["no content", "no model", "a form", "no JSON", "PUT", "PATCH"],
)
def test_other_traffic_passes_unseen(library, request_):
    method, body = request_
    with guarded(unrecognised=REFUSE) as rig:
        assert library.request(method, url(rig), **body).status_code
        assert rig.notes == {}


@each_library
def test_a_request_of_a_free_route_is_known(library):
    with guarded(unrecognised=REFUSE) as rig:
        library.post(url(rig, "/v1/moderations"), json={"model": "m", "input": "x"})
        assert rig.notes == {}


@each_library
def test_a_body_that_is_generated_is_not_read_by_the_guard(library):
    steps = []

    def body():
        for part in (b'{"model": "m", ', b'"prompt": "x"}'):
            steps.append("read")
            yield part

    class Echo(library.BaseTransport):
        def handle_request(self, request):
            steps.append("sent")
            return library.Response(200, content=request.read())

    with guarded(unrecognised=REFUSE) as rig:
        with library.Client(transport=Echo()) as client:
            answered = client.post(url(rig), content=body(), headers=JSON)
        assert answered.json() == {"model": "m", "prompt": "x"}
        assert steps == ["sent", "read", "read"]
        assert rig.notes == {}


@each_library
def test_a_transport_that_tries_again_is_one_request(library):
    class Twice(library.HTTPTransport):
        def handle_request(self, request):
            super().handle_request(request).read()
            return super().handle_request(request)

    with guarded() as rig:
        with library.Client(transport=Twice()) as client:
            client.post(url(rig), json=PROMPT)
        assert len(rig.provider.requests) == 2
        assert seen(rig) == 1


@each_library
def test_a_known_call_is_guarded_below_a_request_that_nobody_knows(library):
    class Calls(library.HTTPTransport):
        def handle_request(self, request):
            inner = library.Request(
                "POST", f"{rig.provider.openai_url}/chat/completions", json=BODY
            )
            super().handle_request(inner).read()
            return super().handle_request(request)

    with guarded() as rig:
        with library.Client(transport=Calls()) as client:
            client.post(url(rig), json=PROMPT)
        rig.assert_settled()
        assert len(rig.records) == 1
        assert seen(rig) == 1


@each_library
def test_what_a_decorator_accounts_for_is_none(library):
    @wflo.track_llm_call(model="gpt-4o", usage=lambda answer: (3, 5))
    def generate(where):
        library.post(where, json=PROMPT)
        return {}

    with guarded(unrecognised=REFUSE) as rig:
        generate(url(rig))
        assert len(rig.provider.requests) == 1
        assert rig.notes == {}
        assert len(rig.records) == 1


@each_library
def test_a_request_of_no_run_is_let_through(library):
    from wflo_otel.context import runs

    with guarded(unrecognised=REFUSE) as rig:
        runs.clear()
        library.post(url(rig), json=PROMPT)
        assert len(rig.provider.requests) == 1


@each_library
def test_a_state_that_cannot_count_changes_nothing(library, monkeypatch):
    def fail(*_):
        raise StoreError("the disk is full")

    with guarded() as rig:
        monkeypatch.setattr(type(rig.configuration.store), "note", fail)
        library.post(url(rig), json=PROMPT)
        assert len(rig.provider.requests) == 1


@each_library
def test_it_is_counted_in_each_run_around_it(library):
    with guarded() as rig:
        with wflo.WfloWorkflow(name="inner") as workflow:
            library.post(url(rig), json=PROMPT)
            inner = rig.configuration.store.notes(workflow.run_id)
        assert [note.subject for note in inner] == [address(rig)]
        assert seen(rig) == 1


@each_library
def test_the_report_has_the_addresses(library):
    with guarded() as rig:
        library.post(url(rig), json=PROMPT)
        store = rig.configuration.store
        (run,) = store.runs()
        report = report_of(run, store).as_json()
        assert report["unrecognised"] == [{"address": address(rig), "requests": 1}]
        assert report["refused"] == 0
