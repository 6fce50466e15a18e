"""Crews that know nothing of us: their agents, tasks and tools are told apart, and stopped."""

import asyncio
import logging
import sys
from collections import Counter
from dataclasses import replace
from types import ModuleType

import pytest

from decorated import watch
from doc_pages import DOCS, blocks
from page_reader import reading
from wflo_otel.after_agent import checkpoint_after_agent
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.attribution import by_agent, by_step
from wflo_otel.core.call import Operation
from wflo_otel.core.money import to_nano_usd, to_usd
from wflo_otel.core.policy import After, Breaker, Budget, Budgets, Checkpoints, Loops, Policy
from wflo_otel.errors import (
    BudgetExceededError,
    CircuitOpenError,
    InfiniteLoopDetectedError,
)
from wflo_otel.integrations import crewai as integration
from wflo_otel.seams.saving import loaded
from wflo_otel.testing import Reply, ToolRequest
from wflo_otel.workflow import WfloWorkflow

pytestmark = [
    pytest.mark.legacy,
    #: What CrewAI itself leaves open or calls by an old name.
    pytest.mark.filterwarnings("ignore"),
]

ROLES = ("researcher", "writer", "editor")
DELEGATED = {"task": "dig", "context": "-", "coworker": "writer"}
#: What one call costs here, in US dollars: 1,000 tokens of input and 50 of output.
COST = "0.00018"


@pytest.fixture(autouse=True)
def crewai(monkeypatch, tmp_path):
    """The library, which tells nobody of what it does."""
    for name in ("CREWAI_DISABLE_TELEMETRY", "CREWAI_DISABLE_TRACKING"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("CREWAI_TRACING_ENABLED", "false")
    monkeypatch.setenv("CREWAI_STORAGE_DIR", str(tmp_path))
    import crewai

    return crewai


@pytest.fixture
def model(crewai, wflo_provider):
    wflo_provider.default = Reply(input_tokens=1_000, output_tokens=50)
    return crewai.LLM(model="openai/gpt-4o-mini", base_url=wflo_provider.openai_url, api_key="key")


@pytest.fixture
def agent_of(crewai, model):
    def make(role, **options):
        return crewai.Agent(role=role, goal="SECRET", backstory="SECRET", llm=model, **options)

    return make


@pytest.fixture
def crew_of(crewai, agent_of):
    """Make a crew: an agent for each role, and a task for each agent."""

    def make(*roles, tasks=None, crew=None, **options):
        agents = [agent_of(role, **options) for role in roles]
        made = [
            crewai.Task(description="SECRET", expected_output="SECRET", agent=agent, **each)
            for agent, each in zip(agents, tasks or [{}] * len(agents), strict=True)
        ]
        return crewai.Crew(agents=agents, tasks=made, **(crew or {}))

    return make


@pytest.fixture
def tools(crewai):
    """The tools of the tests: one that answers, one that fails."""
    from crewai.tools import tool

    @tool("Search Web")
    def search(query: str) -> str:
        """Search."""
        return f"SECRET {query}"

    @tool("broken")
    def broken(query: str) -> str:
        """Fail."""
        raise ValueError("SECRET")

    return {"search_web": search, "broken": broken}


def calls(name, **arguments):
    return Reply(tool_calls=(ToolRequest(name, arguments or {"query": "tides"}),), input_tokens=1)


def asked(seen):
    """The model calls, without the lines of agents, tools and workflows."""
    return [each for each in seen.records if each.operation is Operation.CHAT]


def kickoff(crew):
    return crew.kickoff()


def kickoff_async(crew):
    return asyncio.run(crew.kickoff_async())


def akickoff(crew):
    return asyncio.run(crew.akickoff())


def for_each(crew):
    return crew.kickoff_for_each([{}])


def streamed(crew):
    crew.stream = True
    return list(crew.kickoff())


each_way = pytest.mark.parametrize("run", [kickoff, kickoff_async, akickoff, for_each, streamed])


# -- who is calling --------------------------------------------------------------------------


@each_way
def test_each_agent_has_its_cost_and_together_they_are_the_bill(run, crew_of, wflo_provider):
    seen = watch()

    run(crew_of(*ROLES))

    lines = by_agent(asked(seen))
    assert {name: line.calls for name, line in lines.items()} == dict.fromkeys(ROLES, 1)
    assert to_usd(sum(line.cost for line in lines.values())) == wflo_provider.bill.total_usd


def test_tasks_in_threads_are_told_apart(crew_of):
    seen = watch()

    crew_of(*ROLES, tasks=[{"async_execution": True}, {}, {}]).kickoff()

    assert Counter(each.caller.agent for each in asked(seen)) == dict.fromkeys(ROLES, 1)


def test_each_task_is_a_step_by_its_name_or_its_place(crew_of):
    seen = watch()

    crew_of("researcher", "writer", tasks=[{"name": "dig"}, {}]).kickoff()

    assert set(by_step(asked(seen))) == {"dig", "task 2"}


def test_a_role_stands_as_it_was_written_before_inputs_came_into_it(crew_of):
    seen = watch()

    crew_of("{topic} expert\n").kickoff(inputs={"topic": "SECRET"})

    assert set(by_agent(asked(seen))) == {"{topic} expert"}


def test_an_agent_that_is_asked_by_another_pays_for_itself(crew_of, wflo_provider):
    seen = watch()
    wflo_provider.script(calls("delegate_work_to_coworker", **DELEGATED))

    crew_of("researcher", "writer", allow_delegation=True).kickoff()

    assert Counter(each.caller.agents for each in asked(seen)) == {
        ("researcher",): 2,
        ("researcher", "writer"): 1,
        ("writer",): 1,
    }


def test_an_agent_is_one_also_without_a_crew(agent_of):
    seen = watch()

    agent_of("researcher").kickoff("SECRET")
    asyncio.run(agent_of("writer").kickoff_async("SECRET"))

    assert set(by_agent(asked(seen))) == {"researcher", "writer"}
    assert [each.operation for each in seen.records].count(Operation.INVOKE_AGENT) == 2


def test_a_task_that_is_done_again_is_the_same_invocation_of_its_agent(crew_of):
    seen = watch()
    answers = iter([(False, "again"), (True, "good")])

    crew_of("writer", tasks=[{"guardrail": lambda _: next(answers)}]).kickoff()

    assert len(asked(seen)) == 2
    assert [each.name for each in seen.spans].count("invoke_agent writer") == 1


# -- spans -----------------------------------------------------------------------------------


def test_the_spans_of_a_crew_nest_as_its_work_does(crew_of, tools, wflo_provider):
    seen = watch()
    wflo_provider.script(calls("search_web"))

    crew_of("researcher", tools=[tools["search_web"]], crew={"name": "press"}).kickoff()

    crew, agent = seen.span("invoke_workflow press"), seen.span("invoke_agent researcher")
    tool = seen.span("execute_tool search_web")
    chats = [each for each in seen.spans if each.name == "chat gpt-4o-mini"]
    assert agent.parent.span_id == crew.context.span_id
    assert {each.parent.span_id for each in (tool, *chats)} == {agent.context.span_id}
    assert len(chats) == 2


@pytest.mark.parametrize("name", ["search_web", "broken"])
def test_no_span_and_no_log_holds_content(name, crew_of, tools, wflo_provider, caplog):
    seen = watch()
    wflo_provider.script(calls(name))

    crew_of("researcher", tools=[tools[name]]).kickoff()

    assert seen.span(f"execute_tool {name}")
    assert not [each.name for each in seen.spans if "SECRET" in each.to_json()]
    assert not [each for each in caplog.records if each.name.startswith("wflo")]


def test_a_tool_counts_for_its_agent_however_it_ends(crew_of, tools, wflo_provider):
    seen = watch()
    wflo_provider.script(calls("search_web"), calls("broken"))

    crew_of("researcher", tools=list(tools.values())).kickoff()

    ran = [each for each in seen.records if each.operation is Operation.EXECUTE_TOOL]
    assert [(each.caller.agent, each.caller.tool, each.error_type) for each in ran] == [
        ("researcher", "search_web", None),
        ("researcher", "broken", "ValueError"),
    ]


def test_a_crew_in_a_workflow_of_the_users_own_is_part_of_it(crew_of):
    seen = watch()

    with WfloWorkflow("report") as workflow:
        crew_of("writer").kickoff()

    (call,) = asked(seen)
    assert (call.caller.run_id, call.caller.workflow) == (workflow.run_id, "report")
    assert [each.name for each in seen.spans if each.name.startswith("invoke_workflow")] == [
        "invoke_workflow report"
    ]


@each_way
def test_a_crew_is_one_workflow_however_it_is_begun(run, crew_of):
    seen = watch()

    run(crew_of("writer"))

    assert [each.name for each in seen.spans].count("invoke_workflow crew") == 1


def test_a_flow_is_the_workflow_of_the_crews_in_it(crew_of):
    from crewai.flow.flow import Flow, start

    class Report(Flow):
        @start()
        def write(self):
            return crew_of("writer").kickoff()

    seen = watch()

    Report().kickoff()

    (call,) = asked(seen)
    assert (call.caller.workflow, call.caller.agent) == ("Report", "writer")
    workflows = [each.name for each in seen.spans if each.name.startswith("invoke_workflow")]
    assert workflows == ["invoke_workflow Report"]


# -- refusals --------------------------------------------------------------------------------


@each_way
def test_a_stop_leaves_the_crew_as_itself_after_what_was_allowed(run, crew_of, wflo_provider):
    watch(budgets=Budgets(run=Budget(usd=to_nano_usd(COST))))

    with pytest.raises(BudgetExceededError):
        run(crew_of(*ROLES))

    assert len(wflo_provider.requests) == 1


def test_a_stop_in_a_thread_leaves_the_crew_as_itself(crew_of, wflo_provider):
    watch(budgets=Budgets(run=Budget(usd=1, clamp=False)))

    with pytest.raises(BudgetExceededError):
        crew_of("researcher", "writer", tasks=[{"async_execution": True}, {}]).kickoff()

    assert wflo_provider.requests == []


def test_an_agent_with_a_time_limit_is_stopped_as_itself(crew_of, wflo_provider):
    watch(budgets=Budgets(run=Budget(usd=1, clamp=False)))

    with pytest.raises(BudgetExceededError):
        crew_of("researcher", max_execution_time=30).kickoff()

    assert wflo_provider.requests == []


def test_each_agent_has_a_budget_of_its_own(crew_of, wflo_provider):
    budgets = {"writer": "0.000001", "*": 1}
    seen = watch()

    with (
        WfloWorkflow("report", budget_usd=5, per_agent_budgets=budgets) as workflow,
        pytest.raises(BudgetExceededError) as raised,
    ):
        crew_of(*ROLES).kickoff()

    assert raised.value.scope == f"run:{workflow.run_id}/agent:writer"
    assert len(wflo_provider.requests) == 1
    assert [each.caller.agent for each in asked(seen)] == ["researcher"]


def test_a_stop_in_an_agent_that_was_asked_by_another_reaches_nobody_else(crew_of, wflo_provider):
    wflo_provider.script(calls("delegate_work_to_coworker", **DELEGATED))
    seen = watch(budgets=Budgets(agents={"writer": Budget(usd=1, clamp=False)}))
    crew = crew_of("researcher", "writer", allow_delegation=True)
    crew.tasks = crew.tasks[:1]

    crew.kickoff()

    assert [each.caller.agent for each in asked(seen)] == ["researcher", "researcher"]


def test_an_agent_that_goes_in_circles_is_stopped(crew_of, tools, wflo_provider):
    watch(policy=Policy(loops=Loops()))
    wflo_provider.default = calls("search_web")

    with pytest.raises(InfiniteLoopDetectedError):
        crew_of("researcher", tools=[tools["search_web"]], cache=False).kickoff()

    assert len(wflo_provider.requests) == 4


def test_a_tool_whose_circuit_is_open_does_not_run_and_the_model_is_told(
    crew_of, tools, wflo_provider
):
    seen = watch(policy=Policy(breakers={"tool:broken": Breaker(consecutive_failures=1)}))
    wflo_provider.script(calls("broken", query="one"), calls("broken", query="two"))

    crew_of("researcher", tools=[tools["broken"]]).kickoff()

    ran = [each for each in seen.records if each.operation is Operation.EXECUTE_TOOL]
    assert [each.error_type for each in ran] == ["ValueError"]
    assert len(wflo_provider.requests) == 3


def test_an_open_circuit_of_the_model_leaves_the_crew_as_itself(crew_of, wflo_provider):
    seen = watch(policy=Policy(breakers={"provider:openai": Breaker(consecutive_failures=1)}))
    seen.configuration.store.force_open("provider:openai")

    with pytest.raises(CircuitOpenError):
        crew_of("researcher").kickoff()

    assert wflo_provider.requests == []


# -- checkpoints -----------------------------------------------------------------------------


AFTER_AGENTS = Policy(checkpoints=Checkpoints(after=(After.AGENT,)))
TASKS = [{"name": "dig"}, {"name": "write"}, {}]


@pytest.mark.parametrize("run", [kickoff, akickoff])
def test_each_task_is_saved_when_its_agent_is_done_where_the_policy_says_so(run, crew_of):
    from crewai import TaskOutput

    seen = watch(policy=AFTER_AGENTS)
    crew = crew_of(*ROLES, tasks=TASKS)

    run(crew)

    store = seen.configuration.store
    saved = store.checkpoints(seen.run_id)
    assert [(each.name, each.step, each.agent) for each in saved] == [
        ("dig", "dig", "researcher"),
        ("write", "write", "writer"),
        ("task 3", "task 3", "editor"),
    ]
    assert [each.parent for each in saved] == [None, *(each.checkpoint_id for each in saved[:2])]
    state = loaded(*store.load(saved[0].checkpoint_id), [TaskOutput])
    assert state.raw == crew.tasks[0].output.raw


def test_a_checkpoint_is_an_event_on_its_agents_span_without_its_state(crew_of):
    seen = watch(policy=AFTER_AGENTS)

    crew_of("writer").kickoff()

    (event,) = seen.span("invoke_agent writer").events
    assert event.name == "wflo.checkpoint"
    assert "SECRET" not in str(event.attributes)


def test_nothing_is_saved_where_nobody_asks_for_it(crew_of):
    seen = watch()

    crew_of("writer").kickoff()

    assert seen.configuration.store.checkpoints(seen.run_id) == []


def test_a_task_that_was_stopped_is_not_saved_and_those_before_it_are(crew_of):
    run = Budgets(run=Budget(usd=to_nano_usd(COST)))
    seen = watch(policy=replace(AFTER_AGENTS, budgets=run))

    with pytest.raises(BudgetExceededError) as raised:
        crew_of(*ROLES, tasks=TASKS).kickoff()

    (saved,) = seen.configuration.store.checkpoints(seen.run_id)
    assert (saved.name, saved.checkpoint_id) == ("dig", raised.value.checkpoint)


def test_a_task_is_saved_by_a_line_of_code_and_keeps_its_own_callback(crew_of):
    told = []
    seen = watch()
    crew = crew_of("writer", tasks=[{"callback": told.append}])

    assert checkpoint_after_agent(crew.tasks[0], agent_name="author") is crew.tasks[0]
    crew.kickoff()

    (saved,) = seen.configuration.store.checkpoints(seen.run_id)
    assert (saved.name, saved.agent, saved.step) == ("author", "author", "task 1")
    assert told == [crew.tasks[0].output]


def test_a_crew_goes_on_after_the_tasks_that_were_saved(crew_of, wflo_provider):
    from crewai import TaskOutput

    watch(policy=AFTER_AGENTS)
    wflo_provider.script(Reply(text="the moon"))
    with WfloWorkflow() as workflow:
        crew_of(*ROLES).kickoff()
    done = workflow.checkpoints()[0].checkpoint_id
    again = crew_of(*ROLES)
    again.tasks[0].output = workflow.load(done, types=[TaskOutput])
    again.checkpoint_kickoff_event_id = "restored"

    again.kickoff()

    asked = wflo_provider.requests[3:]
    assert len(asked) == 2
    assert "the moon" in asked[0].prompt


def test_the_page_on_crews_does_what_it_says(tmp_path, monkeypatch, wflo_provider):
    monkeypatch.syspath_prepend(tmp_path)
    with reading(tmp_path, wflo_provider, monkeypatch) as reader:
        for block in blocks((DOCS / "crewai.md").read_text(encoding="utf-8")):
            here = {name: value for name, value in block.markers.items() if name != "not run"}
            reader.follow(replace(block, markers=here))


# -- what else may be ------------------------------------------------------------------------


def test_without_a_configuration_a_crew_runs_as_ever(crew_of, wflo_provider):
    configure()
    shutdown()

    crew_of("researcher").kickoff()

    assert len(wflo_provider.requests) == 1


def test_installing_twice_wraps_once(crewai):
    configure()
    guarded = crewai.Crew.kickoff

    integration.install(crewai)

    assert crewai.Crew.kickoff is guarded


def test_a_version_of_another_shape_is_named_and_runs_as_ever(crewai, monkeypatch, caplog):
    from crewai.crew import Crew

    configure()

    def kickoff(self):
        return 5

    monkeypatch.setattr(Crew, "kickoff", kickoff)
    monkeypatch.delattr(Crew, "akickoff")

    with caplog.at_level(logging.WARNING, "wflo_otel"):
        integration.install(crewai)

    assert Crew.kickoff is kickoff
    (line,) = caplog.messages
    assert "(Crew.kickoff, Crew.akickoff)" in line


def test_a_package_without_anything_that_is_known_is_left_alone(monkeypatch, caplog):
    for each in integration._HOOKS:
        monkeypatch.delitem(sys.modules, f"crewai.{each.module}", raising=False)

    with caplog.at_level(logging.WARNING, "wflo_otel"):
        integration.install(ModuleType("crewai"))

    assert "crewai unknown is not as wflo knows it" in caplog.text
