"""What a call is charged, and that it is charged once."""

import pytest

from engine_fakes import Bench, answered
from wflo_otel.core.call import Answer, Outcome, Status
from wflo_otel.core.policy import Budget, Budgets, Mode, OnStateError, Policy
from wflo_otel.core.usage import Usage

LIMITED = Policy(budgets=Budgets(run=Budget(usd=10**9, warn_at=0.5)))


def seen(status, chars=0, *, usage=None, complete=False, http_status=200):
    answer = Answer(usage=usage, output_chars=chars, output_chunks=chars // 2, complete=complete)
    return Outcome(status, answer, http_status=http_status)


def test_a_call_is_charged_what_the_provider_says_it_used():
    bench = Bench(LIMITED)
    permit = bench.admit()

    record = bench.engine.settle(permit, answered(10, 5))

    assert (record.cost, record.cost_source) == (10 * 1_000 + 5 * 10_000, "price")
    assert bench.ledger().settled.usd == record.cost
    assert bench.ledger().pending.usd == 0
    assert bench.told.records == [record]
    assert bench.tokens.learned == [(record.usage, True)]


def test_settling_twice_charges_once():
    bench = Bench(LIMITED)
    permit = bench.admit()
    first = bench.engine.settle(permit, answered())

    assert bench.engine.settle(permit, answered()) is None
    bench.engine.void(permit)
    assert bench.ledger().settled.usd == first.cost


def test_a_voided_call_costs_nothing():
    bench = Bench(LIMITED)
    permit = bench.admit()

    bench.engine.void(permit)

    assert bench.ledger().settled.usd == bench.ledger().pending.usd == 0


def test_the_providers_own_cost_wins():
    bench = Bench(LIMITED)

    record = bench.engine.settle(bench.admit(), answered(provider_cost=777))

    assert (record.cost, record.cost_source) == (777, "provider")


def test_the_model_that_answered_sets_the_price():
    bench = Bench(LIMITED)
    answer = Answer(Usage(output_tokens=1), model="gpt-4o-dear", complete=True)

    record = bench.engine.settle(bench.admit(), Outcome(Status.OK, answer))

    assert (record.cost, record.model) == (20_000, "gpt-4o-dear")


def test_an_unknown_model_in_the_answer_costs_what_was_asked_for():
    bench = Bench(LIMITED)
    answer = Answer(Usage(output_tokens=1), model="unknown-7", complete=True)

    assert bench.engine.settle(bench.admit(), Outcome(Status.OK, answer)).cost == 10_000


def test_an_error_of_the_provider_costs_nothing_and_counts_as_a_call():
    bench = Bench(LIMITED)

    record = bench.engine.settle(bench.admit(), seen(Status.ERROR, http_status=429))

    assert record.cost == 0
    assert bench.ledger().settled.calls == 1


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.CANCELLED, Status.ABANDONED])
def test_a_call_of_which_nothing_is_known_costs_all_that_was_reserved(status):
    bench = Bench(LIMITED)
    permit = bench.admit()

    record = bench.engine.settle(permit, Outcome(status))

    assert (record.cost, record.cost_source) == (permit.granted.usd, "reserved")
    assert bench.tokens.learned == []


@pytest.mark.parametrize("status", [Status.ABANDONED, Status.CANCELLED, Status.CUT, Status.ERROR])
def test_a_stream_that_was_left_costs_what_was_seen_of_it(status):
    bench = Bench(LIMITED)

    record = bench.engine.settle(bench.admit(streaming=True), seen(status, 20))

    assert record.cost == 10 * 1_000 + 20 * 10_000
    assert record.cost_source == "estimate"


def test_a_stream_that_was_left_keeps_the_input_that_the_provider_told():
    bench = Bench(LIMITED)
    told = Usage(input_tokens=300, cache_read_tokens=200, output_tokens=1)

    record = bench.engine.settle(
        bench.admit(streaming=True), seen(Status.ABANDONED, 20, usage=told)
    )

    assert record.usage == Usage(input_tokens=300, cache_read_tokens=200, output_tokens=20)


def test_a_stream_that_was_left_after_its_end_is_exact():
    bench = Bench(LIMITED)
    told = Usage(input_tokens=10, output_tokens=3)
    outcome = seen(Status.ABANDONED, 20, usage=told, complete=True)

    assert bench.engine.settle(bench.admit(streaming=True), outcome).usage == told


def test_an_answer_without_usage_is_estimated_from_its_text():
    bench = Bench(LIMITED)

    record = bench.engine.settle(bench.admit(streaming=True), seen(Status.OK, 20, complete=True))

    assert (record.usage.output_tokens, record.cost_source) == (20, "estimate")


def test_a_response_that_is_fetched_again_is_charged_once():
    bench = Bench(LIMITED)
    bench.engine.settle(bench.admit(), answered(response_id="resp_1"))
    spent = bench.ledger().settled

    outcome = Outcome(Status.OK, answered(response_id="resp_1").answer, charge_once="openai:resp_1")
    record = bench.engine.settle(bench.engine.fetch(bench.call("poll")), outcome)

    assert record.cost == 0
    assert bench.ledger().settled == spent


def test_a_fetch_of_a_response_that_was_only_estimated_is_charged_as_told():
    bench = Bench(LIMITED)
    dropped = Answer(response_id="resp_1", output_chars=5)
    permit = bench.admit(streaming=True)
    bench.engine.settle(permit, Outcome(Status.ABANDONED, dropped, http_status=200))

    told = answered(30, 7, response_id="resp_1").answer
    outcome = Outcome(Status.OK, told, charge_once="openai:resp_1")

    assert bench.engine.settle(bench.engine.fetch(bench.call("poll")), outcome).cost > 0


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.CANCELLED])
def test_a_stream_that_was_never_answered_costs_all_that_was_reserved(status):
    bench = Bench(LIMITED)
    permit = bench.admit(streaming=True)

    record = bench.engine.settle(permit, Outcome(status))

    assert (record.cost, record.cost_source) == (permit.granted.usd, "reserved")


def test_two_posts_are_two_charges_whatever_ids_the_server_gives():
    bench = Bench(LIMITED)
    for call_id in ("a", "b"):
        bench.engine.settle(bench.admit(call_id), answered(response_id="same"))

    assert bench.ledger().settled.calls == 2


def test_a_warning_is_told_when_its_share_is_reached():
    bench = Bench(Policy(budgets=Budgets(run=Budget(usd=10**7, warn_at=0.5))))

    bench.engine.settle(bench.admit(output_cap=600), answered(0, 500))

    assert [warning.unit for _, warning in bench.told.warnings] == ["usd"]


def test_a_finalizer_leaves_its_settlement_for_later():
    bench = Bench(LIMITED)
    permit = bench.admit(streaming=True)

    bench.engine.settle_later(permit, seen(Status.ABANDONED, 20))
    assert bench.ledger().settled.usd == 0
    bench.engine.tend()

    assert bench.ledger().settled.usd > 0


@pytest.mark.parametrize("way", ["settle", "void"])
def test_what_the_state_cannot_take_is_kept_and_offered_again(way):
    bench = Bench(LIMITED)
    permit = bench.admit()
    bench.store.broken = True
    if way == "settle":
        bench.engine.settle(permit, answered())
    else:
        bench.engine.void(permit)
    bench.engine.tend()
    assert bench.told.failures == [(way, True)]

    bench.store.broken = False
    bench.engine.tend()

    assert bench.ledger().pending.usd == 0
    assert bench.ledger().settled.calls == (way == "settle")


def test_a_call_that_the_state_never_saw_is_charged_when_it_is_back():
    bench = Bench(Policy(on_state_error=OnStateError.ALLOW, budgets=LIMITED.budgets))
    bench.store.broken = True
    permit = bench.admit()
    bench.engine.void(bench.admit("b"))
    bench.store.broken = False

    bench.engine.settle(permit, answered())

    assert bench.ledger().settled.calls == 1


def test_open_calls_are_renewed_and_closed_ones_are_not():
    bench = Bench(LIMITED)
    renewed = []
    bench.store.renew = renewed.extend
    permit = bench.admit("open")
    bench.engine.void(bench.admit("closed"))

    bench.engine.renew()
    bench.engine.void(permit)
    bench.engine.renew()

    assert renewed == ["open"]


def test_a_state_that_cannot_renew_is_told():
    bench = Bench(LIMITED)
    bench.admit()
    bench.store.broken = True

    bench.engine.renew()

    assert bench.told.failures == [("renew", True)]


def test_closing_the_engine_settles_what_finalizers_left():
    bench = Bench(LIMITED)
    bench.engine.settle_later(bench.admit(streaming=True), seen(Status.ABANDONED, 20))

    bench.engine.close()

    assert bench.ledger().settled.usd > 0


def stream_of(bench, chars):
    return Answer(output_chars=chars, output_chunks=chars)


def test_a_stream_goes_on_within_its_reservation_and_grows_while_there_is_room():
    bench = Bench(Policy(budgets=Budgets(run=Budget(usd=2_000_000))))
    permit = bench.admit(streaming=True)

    assert bench.engine.may_go_on(permit, stream_of(bench, 50))
    assert 50 < permit.look_again_at <= 100
    assert bench.engine.may_go_on(permit, stream_of(bench, 150))
    assert not bench.engine.may_go_on(permit, stream_of(bench, 250))
    assert bench.ledger().pending.usd == 2_000_000


def test_a_clamped_stream_is_cut_at_its_last_token():
    bench = Bench(Policy(budgets=Budgets(run=Budget(usd=510_000))))
    permit = bench.admit(streaming=True)

    assert bench.engine.may_go_on(permit, stream_of(bench, 49))
    assert not bench.engine.may_go_on(permit, stream_of(bench, 50))
    refusal = bench.engine.cut(permit)

    assert "budget of run:r exceeded" in refusal.message
    assert bench.told.refusals[-1].policy == "budget"


def test_a_cut_names_the_budget_with_the_least_left():
    bench = Bench(Policy(budgets=Budgets(run=Budget(usd=10**9), agents={"*": Budget(usd=510_000)})))
    caller = bench.call().caller
    permit = bench.admit(streaming=True, caller=type(caller)("r", agents=("writer",)))

    assert bench.engine.cut(permit).facts["scope"] == "run:r/agent:writer"


def test_a_cut_can_be_explained_although_the_state_is_gone():
    bench = Bench(Policy(budgets=Budgets(run=Budget(usd=510_000))))
    permit = bench.admit(streaming=True)
    bench.store.broken = True

    assert "run:r" in bench.engine.cut(permit).message


@pytest.mark.parametrize(
    "policy",
    [Policy(), Policy(mode=Mode.SHADOW, budgets=Budgets(run=Budget(usd=1)))],
)
def test_without_a_ceiling_a_stream_is_never_asked_again(policy):
    bench = Bench(policy)
    permit = bench.admit(streaming=True)

    assert bench.engine.may_go_on(permit, stream_of(bench, 10**9))
    assert permit.look_again_at > 10**12


@pytest.mark.parametrize("on_error", list(OnStateError))
def test_a_stream_that_cannot_ask_goes_on_only_where_that_is_allowed(on_error):
    budgets = Budgets(run=Budget(usd=2_000_000))
    bench = Bench(Policy(on_state_error=on_error, budgets=budgets))
    permit = bench.admit(streaming=True)
    bench.store.broken = True

    went_on = bench.engine.may_go_on(permit, stream_of(bench, 150))

    assert went_on == (on_error is OnStateError.ALLOW)


def test_after_a_fork_the_parents_open_calls_are_not_the_childs():
    bench = Bench(LIMITED)
    renewed = []
    bench.store.renew = renewed.extend
    permit = bench.admit()
    bench.engine.settle_later(permit, seen(Status.ABANDONED, 20))

    bench.engine.after_fork()
    bench.engine.renew()
    bench.engine.tend()

    assert renewed == []
    assert bench.ledger().settled.usd == 0
