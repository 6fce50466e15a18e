"""Spans of tools, agents and workflows: who works inside, and what they leave."""

import pytest
from opentelemetry import trace

from span_rig import processing
from wflo_otel.bootstrap import configure
from wflo_otel.context import ActiveRun, agent_frame, current_caller, current_frame, entered, runs
from wflo_otel.core.call import Operation, Status
from wflo_otel.core.money import to_nano_usd
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.core.scope import Caller
from wflo_otel.errors import BudgetExceededError

AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "writer"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
WORKFLOW = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "report"}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
USED = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}


def inside(rig, attributes, name="any", scope="opentelemetry.instrumentation.test"):
    return rig.tracer(scope).start_as_current_span(name, attributes=attributes)


def stop(rig):
    rig.configuration.store.stop(f"run:{rig.configuration.run.run_id}", "by hand")


def test_calls_are_attributed_to_the_agent_tool_and_workflow_around_them():
    with processing() as rig, inside(rig, WORKFLOW), inside(rig, AGENT), inside(rig, TOOL):
        caller = current_caller()

    assert (caller.workflow, caller.agents, caller.tool) == ("report", ("writer",), "search")


def test_spans_in_between_pass_on_who_works():
    with processing() as rig, inside(rig, AGENT), inside(rig, {"http.route": "/"}):
        assert current_caller().agent == "writer"


def test_after_the_span_nobody_works_there():
    with processing() as rig:
        with inside(rig, AGENT):
            pass
        assert current_caller().agent is None


def test_a_model_call_finds_its_agent_by_its_parent_not_by_the_current_span():
    with processing() as rig:
        agent = rig.tracer().start_span("agent", attributes=AGENT)
        span = rig.tracer().start_span("chat", trace.set_span_in_context(agent), attributes=CHAT)
        span.set_attributes(USED)
        span.end()
        assert rig.records[-1].caller.agent == "writer"


def test_what_our_own_code_says_nearer_by_holds():
    with (
        processing() as rig,
        inside(rig, AGENT),
        entered(agent_frame(current_frame(), "editor")),
    ):
        assert current_caller().agents == ("writer", "editor")


def test_a_workflow_that_the_users_code_has_opened_keeps_its_name():
    with processing() as rig:
        opened = ActiveRun("r-1", "mine", base=Caller("r-1", workflow="mine"))
        runs.add(opened)
        with inside(rig, WORKFLOW):
            assert current_caller().workflow == "mine"


def test_a_budget_of_an_agent_holds_for_the_calls_in_its_span():
    writer = Budget(usd=to_nano_usd("0.003"))
    with processing() as rig:
        configure(Policy(budgets=Budgets(agents={"writer": writer})), guard=False, providers=False)
        with inside(rig, AGENT):
            with inside(rig, CHAT) as span:
                span.set_attributes(USED)
            with pytest.raises(BudgetExceededError, match="agent:writer"):
                rig.tracer().start_span("chat", attributes=CHAT)


@pytest.mark.parametrize("attributes", [AGENT, TOOL, WORKFLOW], ids=["agent", "tool", "workflow"])
def test_a_stopped_run_refuses_further_work(attributes):
    with processing() as rig:
        with inside(rig, CHAT):  # a run has a ledger once it has called
            pass
        stop(rig)
        with (
            pytest.raises(BudgetExceededError, match="is stopped"),
            inside(rig, attributes, "work"),
        ):
            pytest.fail("it ran")

    assert rig.named("work").attributes["wflo.decision"] == "refuse"


def test_where_the_refusal_would_be_swallowed_the_span_does_not_say_so():
    scope = "openinference.instrumentation.langchain"
    with processing() as rig:
        with inside(rig, CHAT):
            pass
        stop(rig)
        with inside(rig, TOOL, "work", scope):
            pass

    assert "wflo.decision" not in rig.named("work").attributes


def test_work_leaves_a_line_and_a_checkpoint_event_without_content():
    attributes = {**TOOL, "gen_ai.tool.call.arguments": "secret"}
    with processing() as rig:
        with inside(rig, AGENT), inside(rig, attributes, "tool"):
            pass
        tool, agent = rig.records

    assert (tool.operation, tool.status, tool.cost) == (Operation.EXECUTE_TOOL, Status.OK, 0)
    assert agent.operation is Operation.INVOKE_AGENT
    (event,) = rig.named("tool").events
    assert event.name == "wflo.checkpoint"
    assert dict(event.attributes) == {
        "wflo.checkpoint.name": "search",
        "wflo.run.id": rig.configuration.run.run_id,
        "gen_ai.agent.name": "writer",
    }


def test_work_that_fails_is_kept_as_failed():
    with processing() as rig:
        with pytest.raises(KeyError), inside(rig, TOOL):
            raise KeyError("secret")
        (record,) = rig.records

    assert (record.status, record.error_type) == (Status.ERROR, "KeyError")


def test_work_that_a_seam_of_ours_tells_of_leaves_no_second_line():
    with processing() as rig:
        with entered(agent_frame(current_frame(), "writer")), inside(rig, AGENT):
            assert current_caller().agents == ("writer",)
        assert rig.records == []


def test_work_without_a_name_goes_by():
    with processing() as rig, inside(rig, {"gen_ai.operation.name": "invoke_agent"}, "x"):
        assert current_caller().agent is None
