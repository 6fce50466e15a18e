"""A refusal passes SDKs, and libraries around them, that retry and wrap every exception."""

import asyncio

import httpx
import pytest

from decorated import kept_spans
from sdk_paths import HELLO, OPENAI_MODEL, openai_client
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.http.logical import Passage, UnretriedCall, as_one_call
from wflo_otel.testing import Reply
from wiring import guarded

CHAT = {"model": OPENAI_MODEL, "messages": HELLO}


@pytest.fixture
def spans():
    with kept_spans() as kept:
        yield kept


def calls(spans):
    return [each for each in spans() if "gen_ai.operation.name" in each.attributes]


class RetriesAll:
    """An SDK that retries and wraps every exception, and shows what it has seen."""

    def __init__(self, url, raises=None):
        self.url, self.raises, self.attempts = url, raises, 0

    def request(self):
        for _ in range(3):
            self.attempts += 1
            try:
                if self.raises is not None:
                    raise self.raises
                with httpx.Client() as client:
                    return client.post(self.url, json={**CHAT, "max_tokens": 5})
            except Exception as error:  # noqa: BLE001  # as such SDKs do
                last = error
        raise RuntimeError("connection error") from last


as_one_call(RetriesAll, "request", UnretriedCall)


def test_a_refusal_passes_an_sdk_that_retries_and_wraps_everything(spans):
    with guarded(usd="0.00000001") as rig:
        sdk = RetriesAll(f"{rig.provider.openai_url}/chat/completions")
        with pytest.raises(BudgetExceededError) as raised:
            sdk.request()
        assert sdk.attempts == 1
        assert rig.provider.requests == []
        assert raised.value.__suppress_context__
        (span,) = calls(spans)
        assert span.attributes["error.type"] == "BudgetExceededError"


class RetriesAnother:
    """A library around an SDK, both of which retry and wrap every exception."""

    def __init__(self, sdk):
        self.sdk, self.attempts = sdk, 0

    def request(self):
        for _ in range(3):
            self.attempts += 1
            try:
                return self.sdk.request()
            except Exception as error:  # noqa: BLE001  # as such libraries do
                last = error
        raise RuntimeError("gave up") from last


as_one_call(RetriesAnother, "request", Passage)


def test_a_refusal_passes_such_an_sdk_inside_such_a_library():
    with guarded(usd="0.00000001") as rig:
        library = RetriesAnother(RetriesAll(f"{rig.provider.openai_url}/chat/completions"))
        with pytest.raises(BudgetExceededError):
            library.request()
        assert (library.attempts, library.sdk.attempts) == (1, 1)
        assert rig.ledger.refused == 1


def test_each_call_inside_such_a_library_keeps_a_span_of_its_own(spans):
    class Library:
        def run(self, provider):
            with openai_client(provider) as client:
                client.chat.completions.create(**CHAT)
                client.chat.completions.create(**CHAT)

    as_one_call(Library, "run", Passage)
    with guarded() as rig:
        Library().run(rig.provider)
    assert len(calls(spans)) == 2


def test_what_goes_on_after_such_a_call_is_refused_as_usual():
    raised = []

    class Library:
        def run(self):
            return asyncio.get_running_loop().create_task(later())

    async def later():
        try:
            async with httpx.AsyncClient() as client:
                await client.post(url, json={**CHAT, "max_tokens": 5})
        except Exception as error:  # noqa: BLE001  # a refusal that is no Exception would pass
            raised.append(error)

    async def main():
        await Library().run()

    as_one_call(Library, "run", Passage)
    with guarded(usd="0.00000001") as rig:
        url = f"{rig.provider.openai_url}/chat/completions"
        asyncio.run(main())
    assert isinstance(raised[0], BudgetExceededError)


def test_a_stream_that_is_cut_inside_such_a_library_is_no_exception_to_it():
    class Library:
        seen = None

        def read(self, url):
            asked = {**CHAT, "stream": True}
            try:
                with httpx.Client() as client, client.stream("POST", url, json=asked) as response:
                    response.read()
            except Exception as error:  # as such libraries do
                self.seen = error
                raise RuntimeError("gave up") from error

    as_one_call(Library, "read", Passage)
    with guarded(Reply(output_tokens=5_000, chunk_delay_s=0.0002), usd="0.005") as rig:
        library = Library()
        with pytest.raises(BudgetExceededError):
            library.read(f"{rig.provider.openai_url}/chat/completions")
        assert library.seen is None


def test_other_errors_are_left_to_such_an_sdk():
    with guarded():
        sdk = RetriesAll("", raises=ValueError())
        with pytest.raises(RuntimeError, match="connection error"):
            sdk.request()
        assert sdk.attempts == 3


def test_a_refused_retry_below_such_an_sdk_leaves_what_came_before_charged():
    class Retrying(httpx.BaseTransport):
        def __init__(self):
            self.inner = httpx.HTTPTransport()

        def handle_request(self, request):
            self.inner.handle_request(request).close()
            return self.inner.handle_request(request)

        def close(self):
            self.inner.close()

    class Sdk(RetriesAll):
        def request(self):
            with httpx.Client(transport=Retrying()) as client:
                return client.post(self.url, json={**CHAT, "max_tokens": 5})

    as_one_call(Sdk, "request", UnretriedCall)
    with guarded(Reply(status=503), calls=1) as rig:
        with pytest.raises(BudgetExceededError):
            Sdk(f"{rig.provider.openai_url}/chat/completions").request()
        assert [each.http_status for each in rig.records] == [503]
        rig.assert_settled()
