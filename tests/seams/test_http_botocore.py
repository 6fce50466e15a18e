"""Requests of AWS clients to Bedrock: signed, so never changed; retried, so each is an attempt."""

import gc
import io

import pytest

pytest.importorskip("boto3", reason="boto3 is not installed in this environment")

import boto3
import botocore.awsrequest
import botocore.exceptions
import botocore.httpsession
from botocore import UNSIGNED
from botocore.config import Config
from botocore.response import StreamingBody

from decorated import kept_spans
from wflo_otel.core.call import Status
from wflo_otel.core.policy import Retry, Unrecognised
from wflo_otel.errors import BudgetExceededError, UnrecognisedCallError
from wflo_otel.seams import http
from wflo_otel.seams.http.botocore import _body, session_sends
from wflo_otel.testing import FakeClock, Reply
from wiring import guarded

NOVA = "amazon.nova-lite-v1:0"
HELLO = [{"role": "user", "content": [{"text": "Say hello to the world"}]}]
CAP = {"inferenceConfig": {"maxTokens": 50}}


#: A response that nobody closes leaves its socket to the garbage collector.
leaves_its_socket = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def bedrock(rig, **options):
    retries = {"total_max_attempts": 3, "mode": "standard"}
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=rig.provider.base_url,
        config=Config(retries=retries, **options),
    )


def converse(rig, **more):
    return bedrock(rig).converse(modelId=NOVA, messages=HELLO, **{**CAP, **more})


def stream(rig, **more):
    return bedrock(rig).converse_stream(modelId=NOVA, messages=HELLO, **more)["stream"]


def test_a_call_is_charged_what_was_billed():
    with guarded(Reply(cached_tokens=3)) as rig:
        answer = converse(rig)
        assert answer["usage"]["outputTokens"] == 20
        (record,) = rig.records
        assert (record.status, record.model, record.attempt) == (Status.OK, NOVA, 0)
        assert record.usage.cache_read_tokens == 3
        rig.assert_settled()


def test_a_stream_is_handed_on_and_charged_what_was_billed():
    with guarded() as rig:
        events = list(stream(rig))
        assert "metadata" in events[-1]
        assert sum("contentBlockDelta" in each for each in events) == 20
        (record,) = rig.records
        assert (record.status, record.streaming) == (Status.OK, True)
        rig.assert_settled()


def test_a_call_that_the_budget_cannot_pay_is_refused_before_it_leaves_and_not_retried():
    with guarded(usd="0.0000001") as rig:
        with pytest.raises(BudgetExceededError):
            converse(rig)
        assert rig.provider.requests == []


def test_a_signed_request_is_refused_rather_than_changed():
    with guarded(usd="0.00001") as rig:
        with pytest.raises(BudgetExceededError):
            converse(rig, inferenceConfig={"maxTokens": 500})
        assert rig.provider.requests == []


def test_a_smaller_cap_is_written_into_a_request_that_is_not_signed():
    with guarded(Reply(output_tokens=500), usd="0.00003") as rig:
        client = bedrock(rig, signature_version=UNSIGNED)
        cap = {"maxTokens": 500}
        answer = client.converse(modelId=NOVA, messages=HELLO, inferenceConfig=cap)
        (request,) = rig.provider.requests
        assert 20 < request.body["inferenceConfig"]["maxTokens"] < 200
        assert answer["stopReason"] == "max_tokens"
        assert rig.records[0].clamped
        rig.assert_settled()


@pytest.mark.parametrize("mode", ["standard", "legacy", "adaptive"])
def test_each_attempt_is_charged_and_all_are_one_span(mode):
    busy = Reply(status=429)
    with kept_spans() as kept, guarded(busy, busy, Reply()) as rig:
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=rig.provider.base_url,
            config=Config(retries={"total_max_attempts": 3, "mode": mode}),
        )
        monkey = pytest.MonkeyPatch()
        monkey.setattr("time.sleep", lambda seconds: None)
        client.converse(modelId=NOVA, messages=HELLO, **CAP)
        monkey.undo()
        (span,) = [each for each in kept() if "gen_ai.operation.name" in each.attributes]
        assert [each.attempt for each in rig.records] == [0, 1, 2]
        assert [each.http_status for each in rig.records] == [429, 429, 200]
        assert [each.name for each in span.events] == ["wflo.attempt"] * 3
        assert span.attributes["gen_ai.provider.name"] == "aws.bedrock"
        rig.assert_settled()


RETRY = Retry(max_attempts=4, jitter=False)
BUSY = Reply(status=429, retry_after_s=3)
LOST = Reply(drop="before_headers")


@pytest.mark.parametrize("ask", [converse, stream])
def test_a_policy_for_retries_holds_in_place_of_the_client_s_own(ask):
    clock = FakeClock()
    with kept_spans() as kept, guarded(BUSY, LOST, Reply(), retries=RETRY, clock=clock) as rig:
        list(ask(rig))
        (span,) = [each for each in kept() if "gen_ai.operation.name" in each.attributes]
        assert clock.pauses == [3.0, 0.2]
        assert [each.attempt for each in rig.records] == [0, 1, 2]
        told = [each.attributes for each in span.events if each.name == "wflo.retry.attempt"]
        assert [each["wflo.retry.outcome"] for each in told] == ["again", "again"]
        assert told[0]["wflo.retry.component"] == "provider:aws.bedrock"


@pytest.mark.parametrize("failure", [BUSY, LOST], ids=["answered", "lost"])
def test_no_attempts_are_added_to_those_of_the_policy(failure):
    clock = FakeClock()
    retry = Retry(max_attempts=2, jitter=False)
    with guarded(*[failure] * 9, retries=retry, clock=clock) as rig:
        with pytest.raises((botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError)):
            converse(rig)
        assert len(rig.provider.requests) == 2
        assert len(clock.pauses) == 1


def test_a_refusal_is_not_tried_again():
    clock = FakeClock()
    with guarded(usd="0.000000001", retries=RETRY, clock=clock) as rig:
        with pytest.raises(BudgetExceededError):
            converse(rig)
        assert (rig.provider.requests, clock.pauses) == ([], [])


def test_a_stream_that_cannot_grow_is_cut():
    with guarded(Reply(output_tokens=4_000, chunk_delay_s=0.0002), usd="0.00005") as rig:
        with pytest.raises(BudgetExceededError) as raised:
            list(stream(rig))
        assert raised.value.sent
        (record,) = rig.records
        assert record.status is Status.CUT
        rig.provider.wait_until_idle()
        assert rig.provider.bill.disconnected == 1


def test_a_stream_that_is_closed_is_charged():
    with guarded(Reply(output_tokens=1_000, chunk_delay_s=0.001)) as rig:
        events = stream(rig)
        for _ in range(5):
            next(iter(events))
        events.close()
        (record,) = rig.records
        assert record.status is Status.ABANDONED
        assert record.cost > 0


@leaves_its_socket
def test_a_stream_that_is_dropped_is_charged():
    with guarded(Reply(output_tokens=1_000, chunk_delay_s=0.001)) as rig:
        events = stream(rig)
        next(iter(events))
        del events
        gc.collect()
        assert [each.status for each in rig.records] == [Status.ABANDONED]
        assert rig.ledger.open_calls == 0


@leaves_its_socket
def test_a_stream_that_nobody_reads_is_charged():
    with guarded(Reply(output_tokens=10)) as rig:
        events = stream(rig)
        del events
        gc.collect()
        assert len(rig.records) == 1
        assert rig.ledger.open_calls == 0


def test_a_stream_that_breaks_is_charged_what_came():
    with guarded(Reply(output_tokens=200, drop="mid_body")) as rig:
        with pytest.raises(Exception, match=r"prematurely|broken"):
            list(stream(rig))
        assert [each.status for each in rig.records] == [Status.ERROR]


def test_an_error_has_its_own_name_and_costs_nothing():
    with guarded(Reply(status=400, error_type="ValidationException")) as rig:
        with pytest.raises(botocore.exceptions.ClientError, match="ValidationException"):
            list(stream(rig))
        (record,) = rig.records
        assert (record.http_status, record.cost) == (400, 0)


def test_a_call_that_cannot_connect_costs_nothing():
    with guarded() as rig:
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url="http://127.0.0.1:9",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with pytest.raises(botocore.exceptions.EndpointConnectionError):
            client.converse(modelId=NOVA, messages=HELLO)
        assert rig.records == []
        assert rig.ledger.pending.usd == 0


def test_other_services_are_let_pass():
    with guarded(usd="0.0000001") as rig:
        client = boto3.client(
            "sts", region_name="us-east-1", endpoint_url=f"{rig.provider.base_url}/__bill"
        )
        with pytest.raises(Exception, match=r"GetCallerIdentity|parse"):
            client.get_caller_identity()
        assert rig.records == []


class Raw:
    """A response's bytes, as urllib3 gives them."""

    def __init__(self, data):
        self._data = io.BytesIO(data)
        self.closed_by_caller = False

    def read(self, amt=None):
        return self._data.read(amt)

    def tell(self):
        return self._data.tell()

    def close(self):
        self.closed_by_caller = True


ANSWER = b'{"output":{"message":{"content":[{"text":"a\\nb"}]}},"usage":{"inputTokens":6,"outputTokens":3}}\n{}'


def streaming_body(raw):
    """What ``invoke_model`` gives, before an answer that was not read yet."""

    def send(self, request):
        return botocore.awsrequest.AWSResponse(
            request.url, 200, {"content-type": "application/json"}, raw
        )

    request = botocore.awsrequest.AWSPreparedRequest(
        "POST",
        f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{NOVA}/converse",
        {"content-type": "application/json"},
        b'{"messages": [], "inferenceConfig": {"maxTokens": 5}}',
        True,
    )
    response = session_sends(send, ())(None, request)
    return StreamingBody(response.raw, None)


def in_pieces(body):
    return b"".join(body.iter_chunks(7))


def by_lines(body):
    return b"".join(body.readlines())


def into_a_buffer(body):
    buffer = bytearray(1_000)
    return bytes(buffer[: body.readinto(buffer)])


def iterated(body):
    with body as raw:
        return b"".join(raw)


@pytest.mark.parametrize(
    "read", [lambda body: body.read(), in_pieces, by_lines, into_a_buffer, iterated]
)
def test_a_body_is_read_by_whichever_method(read):
    with guarded() as rig:
        raw = Raw(ANSWER)
        body = streaming_body(raw)
        assert body.tell() == 0
        assert read(body) == ANSWER
        body.close()
        assert raw.closed_by_caller
        (record,) = rig.records
        assert (record.usage.input_tokens, record.usage.output_tokens) == (6, 3)


def test_a_body_that_breaks_leaves_what_it_cost_unknown():
    class Broken(Raw):
        def read(self, amt=None):
            raise ConnectionResetError

    with guarded() as rig:
        with pytest.raises(ConnectionResetError):
            streaming_body(Broken(b"")).read()
        assert [each.status for each in rig.records] == [Status.UNKNOWN]


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (None, b""),
        ("text", b"text"),
        (bytearray(b"bytes"), b"bytes"),
        (io.BytesIO(b"file"), b"file"),
        (iter([b"generated"]), None),
    ],
)
def test_a_body_is_read_where_it_can_be(body, read):
    assert _body(body) == read
    if isinstance(body, io.BytesIO):
        assert body.read() == b"file"


def test_the_session_is_as_it_was_after_lifting():
    http.uninstall()
    original = botocore.httpsession.URLLib3Session.__dict__["send"]
    http.install()
    assert botocore.httpsession.URLLib3Session.__dict__["send"] is not original
    http.uninstall()
    assert botocore.httpsession.URLLib3Session.__dict__["send"] is original


PROMPT = b'{"model": "m-1", "prompt": "A secret about the tides"}'


def send_unknown(rig, body=PROMPT):
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    made = botocore.awsrequest.AWSRequest(
        "POST", f"{rig.provider.base_url}/v3/generate", headers, data=body
    )
    return botocore.httpsession.URLLib3Session().send(made.prepare())


@pytest.mark.parametrize("body", [PROMPT, PROMPT.decode()])
def test_a_call_in_an_api_that_nobody_knows_is_counted(body):
    with guarded() as rig:
        send_unknown(rig, body)
        assert len(rig.provider.requests) == 1
        assert [kind for kind, _ in rig.notes] == ["unrecognised"]


def test_a_call_in_an_api_that_nobody_knows_is_refused_where_the_policy_says_so():
    with guarded(unrecognised=Unrecognised.REFUSE) as rig:
        with pytest.raises(UnrecognisedCallError):
            send_unknown(rig)
        assert rig.provider.requests == []


def test_a_file_that_is_sent_is_not_read_by_the_guard():
    with guarded(unrecognised=Unrecognised.REFUSE) as rig:
        send_unknown(rig, io.BytesIO(PROMPT))
        assert len(rig.provider.requests) == 1
        assert rig.notes == {}
