"""Who spent what."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.attribution import (
    NOBODY,
    by_agent,
    by_model,
    by_step,
    by_tool,
    is_model_call,
    total,
)
from wflo_otel.core.call import CallRecord, Operation, Status
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import ModelUsage, Usage


def call(agent=None, *, model="gpt-4o", cost=100, tool=None, step=None, **more):
    caller = Caller("r", agents=(agent,) if agent else (), tool=tool, step=step)
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, reasoning_tokens=2)
    record = CallRecord("c", caller, Operation.CHAT, Status.OK, 0.0, 2.0, "openai", model, usage)
    return replace(record, cost=cost, **more)


def test_each_agent_has_a_line_with_its_costs_and_tokens():
    lines = by_agent([call("a"), call("a", cost=50, model="gpt-4o-mini"), call("b")])

    assert list(lines) == ["a", "b"]
    line = lines["a"]
    assert (line.calls, line.cost, line.input_tokens, line.output_tokens) == (2, 150, 20, 10)
    assert (line.cached_tokens, line.reasoning_tokens, line.duration_s) == (8, 4, 4.0)
    assert line.models == {"gpt-4o", "gpt-4o-mini"}


def test_what_nobody_claims_has_a_line_too():
    assert list(by_agent([call()])) == [NOBODY]


def test_an_error_counts_and_an_abandoned_stream_is_none():
    records = [call(status=Status.ERROR), call(status=Status.ABANDONED), call(model="")]

    line = total(records)

    assert (line.name, line.calls, line.errors, line.models) == ("total", 3, 1, {"gpt-4o"})


def test_usage_billed_beside_the_model_counts_its_tokens():
    beside = Usage(input_tokens=1, extra=(ModelUsage("other", Usage(output_tokens=7)),))

    line = total([call(usage=beside)])

    assert (line.input_tokens, line.output_tokens) == (1, 7)
    assert beside.total_tokens == 8


def test_a_tool_has_its_own_calls_the_model_calls_inside_and_the_requests_for_it():
    records = [
        call(tool="search", cost=0, operation=Operation.EXECUTE_TOOL),
        call(tool="search", cost=70),
        call(tool_calls=("search", "fetch")),
    ]

    lines = by_tool(records)

    assert (lines["search"].tool_calls, lines["search"].calls, lines["search"].cost) == (1, 1, 70)
    assert (lines["search"].requested, lines["fetch"].requested) == (1, 1)


def test_tools_and_agents_have_no_model():
    tool = call(operation=Operation.EXECUTE_TOOL)

    assert not is_model_call(tool)
    assert list(by_model([tool, call()])) == ["gpt-4o"]


def test_a_workflows_own_record_is_no_agents_work_and_no_step():
    work = replace(call("writer", step="write"), operation=Operation.INVOKE_WORKFLOW)

    assert (by_agent([work]), by_step([work])) == ({}, {})


def test_steps_have_lines():
    assert list(by_step([call(step="plan"), call()])) == ["plan", NOBODY]


@given(
    st.lists(
        st.builds(
            call,
            st.sampled_from([None, "a", "b"]),
            cost=st.integers(0, 10**12),
            model=st.sampled_from(["m", "n"]),
            step=st.sampled_from([None, "s"]),
        )
    )
)
def test_every_breakdown_sums_to_the_run_to_the_nano_dollar(records):
    spent = sum(record.cost for record in records)

    for breakdown in (by_agent, by_model, by_step):
        assert sum(line.cost for line in breakdown(records).values()) == spent
