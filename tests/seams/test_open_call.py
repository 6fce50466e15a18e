"""The open permit of an outer seam is taken over by the first inner one, and only by that."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import openai
import pytest
from opentelemetry import context as otel_context
from opentelemetry.propagate import extract

from sdk_paths import HELLO, OPENAI_MODEL, openai_client
from wflo_otel.context import current_caller
from wflo_otel.core.call import Ask, Operation
from wflo_otel.engine import Permit
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.open_call import offering, outer_permit
from wflo_otel.testing import Reply
from wiring import guarded


def outer_call(rig):
    """What a decorator does before the function runs."""
    active = rig.configuration.active
    ask = Ask(Operation.CHAT, "openai", OPENAI_MODEL, output_cap=100, text_chars=20, messages=1)
    permit = active.engine.admit(active.call(ask, current_caller()))
    assert isinstance(permit, Permit)
    return permit


@pytest.fixture
def rig():
    with guarded() as made:
        yield made


def test_only_the_first_takes_it(rig):
    permit = outer_call(rig)
    with offering(permit):
        assert outer_permit() is permit
        assert outer_permit() is None
    rig.configuration.engine.void(permit)


def test_nobody_takes_it_after_its_block(rig):
    permit = outer_call(rig)
    with offering(permit):
        carried = copy_context()
    assert outer_permit() is None
    assert carried.run(outer_permit) is None
    rig.configuration.engine.void(permit)


def test_nobody_takes_one_that_is_closed(rig):
    permit = outer_call(rig)
    with offering(permit):
        rig.configuration.engine.void(permit)
        assert outer_permit() is None


def test_it_is_found_under_a_foreign_otel_context(rig):
    permit = outer_call(rig)
    with offering(permit):
        token = otel_context.attach(extract({}))
        assert outer_permit() is permit
        otel_context.detach(token)
    rig.configuration.engine.void(permit)


def test_of_many_threads_one_takes_it(rig):
    permit = outer_call(rig)
    start = threading.Barrier(8)

    def take():
        start.wait()
        return outer_permit()

    with offering(permit), ThreadPoolExecutor(8) as pool:
        contexts = [copy_context() for _ in range(8)]
        taken = [each.result() for each in [pool.submit(c.run, take) for c in contexts]]
    assert [each for each in taken if each] == [permit]
    rig.configuration.engine.void(permit)


def chat(client):
    return client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, max_tokens=100)


def test_a_guarded_request_adopts_it_and_is_charged_once(rig):
    with openai_client(rig.provider) as client:
        permit = outer_call(rig)
        with offering(permit):
            chat(client)
        assert permit.adopted
        assert [each.call_id for each in rig.records] == [permit.call.call_id]
        rig.assert_settled()


def test_further_requests_and_attempts_reserve_for_themselves(rig):
    rig.provider.script(Reply(status=500), Reply())
    with openai_client(rig.provider) as client:
        permit = outer_call(rig)
        with offering(permit):
            chat(client)
            chat(client)
        assert len({each.call_id for each in rig.records}) == 3
        rig.assert_settled()


def test_two_seams_on_a_budget_for_one_call_are_admitted_at_once():
    with guarded(usd="0.0012") as rig, openai_client(rig.provider) as client:
        with offering(outer_call(rig)):
            chat(client)
        rig.assert_settled()


def test_a_request_that_is_refused_gives_the_adopted_permit_back():
    with guarded(usd="0.0012") as rig, openai_client(rig.provider) as client:
        permit = outer_call(rig)
        with offering(permit), pytest.raises((BudgetExceededError, openai.OpenAIError)):
            client.chat.completions.create(
                model=OPENAI_MODEL, messages=[{"role": "user", "content": "word " * 5000}]
            )
        assert rig.ledger.open_calls == 0
        assert rig.ledger.pending.usd == 0
