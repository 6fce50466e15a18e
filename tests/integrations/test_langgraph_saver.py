"""LangGraph graphs whose saver is ours: what is saved in the run, and that nothing else changes."""

import operator
from types import SimpleNamespace
from typing import Annotated, TypedDict

import pytest

pytest.importorskip("langgraph", reason="langgraph is not installed in this environment")

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

import wflo_otel as wflo
from decorated import kept_spans
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.policy import After, Checkpoints, Policy
from wflo_otel.integrations import langgraph_checkpoints as integration
from wflo_otel.integrations import langgraph_saver
from wflo_otel.integrations.langgraph_saver import WfloSaver


class State(TypedDict):
    text: Annotated[list[str], operator.add]


def says(*words):
    return lambda state: {"text": list(words)}


def compiled(saver, **nodes):
    """A graph that runs its nodes one after the other."""
    graph = StateGraph(State)
    previous = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(previous, name)
        previous = name
    return graph.compile(checkpointer=saver)


def thread(name="t"):
    return {"configurable": {"thread_id": name}}


@pytest.fixture
def saved():
    """The run's checkpoints: their names, and their states by name."""
    configured = configure()

    def checkpoints():
        return configured.store.checkpoints(configured.run.run_id)

    return checkpoints


def names(saved):
    return [each.name for each in saved()]


def state_of(checkpoint):
    with wflo.WfloWorkflow() as workflow:
        return workflow.load(checkpoint.checkpoint_id)


def test_each_node_and_each_superstep_is_saved_in_the_run(saved):
    compiled(WfloSaver(InMemorySaver()), plan=says("a"), write=says("b")).invoke(
        {"text": []}, thread(), durability="sync"
    )

    assert names(saved) == ["input", "step 0", "plan", "step 1", "write", "step 2"]
    plan, last = saved()[2], saved()[-1]
    assert (plan.step, state_of(plan)) == ("plan", {"writes": [("text", ["a"])]})
    assert state_of(last)["values"] == {"text": ["a", "b"]}
    assert last.step is None


async def test_async_graphs_are_saved_too(saved):
    async def write(state):
        return {"text": ["b"]}

    graph = compiled(WfloSaver(InMemorySaver()), plan=says("a"), write=write)

    await graph.ainvoke({"text": []}, thread(), durability="sync")

    assert names(saved) == ["input", "step 0", "plan", "step 1", "write", "step 2"]


def test_an_agents_nodes_are_saved_as_the_agents(saved):
    graph = compiled(WfloSaver(InMemorySaver()), model=says("a"))

    graph.with_config(metadata={"lc_agent_name": "researcher"}).invoke({"text": []}, thread())

    assert {each.name: each.agent for each in saved()}["model"] == "researcher"


def test_parallel_branches_are_saved_one_by_one(saved):
    graph = StateGraph(State)
    graph.add_node("left", lambda state: {"text": [state["side"]]})
    graph.add_conditional_edges(
        START, lambda state: [Send("left", {"side": "l"}), Send("left", {"side": "r"})]
    )

    graph.compile(checkpointer=WfloSaver(InMemorySaver())).invoke({"text": []}, thread())

    writes = [state_of(each)["writes"] for each in saved() if each.name == "left"]
    assert sorted(writes) == [[("text", ["l"])], [("text", ["r"])]]


def test_a_subgraph_saves_with_the_saver_that_it_is_lent(saved):
    inner = compiled(None, deep=says("d"))

    compiled(WfloSaver(InMemorySaver()), child=inner).invoke(
        {"text": []}, thread(), durability="sync"
    )

    assert {"deep", "child"} <= set(names(saved))
    spaces = [
        state_of(each)["langgraph"]["checkpoint_ns"]
        for each in saved()
        if each.name.startswith("step")
    ]
    assert any(space.startswith("child:") for space in spaces)


def test_an_interrupted_node_is_saved_when_it_is_done(saved):
    def ask(state):
        return {"text": [interrupt("go on?")]}

    graph = compiled(WfloSaver(InMemorySaver()), ask=ask)
    graph.invoke({"text": []}, thread())
    assert "ask" not in names(saved)

    assert graph.invoke(Command(resume="yes"), thread()) == {"text": ["yes"]}

    assert names(saved).count("ask") == 1


def test_functions_of_the_functional_api_are_saved(saved):
    @task
    def double(number):
        return number * 2

    @entrypoint(checkpointer=WfloSaver(InMemorySaver()))
    def program(number):
        return double(number).result()

    assert program.invoke(2, thread()) == 4

    (done,) = (each for each in saved() if each.name == "double")
    assert state_of(done) == {"writes": [("__return__", 4)]}


@pytest.mark.parametrize("mode", ["values", "updates", "checkpoints", "tasks", "debug"])
def test_every_stream_mode_gives_what_it_gives_with_the_inner_saver(saved, mode):
    def streamed(saver):
        graph = compiled(saver, plan=says("a"), write=says("b"))
        return [shape(each) for each in graph.stream({"text": []}, thread(), stream_mode=mode)]

    def shape(chunk):
        hidden = {"id", "checkpoint_id", "timestamp", "created_at", "config", "parent_config"}
        if isinstance(chunk, dict):
            return {name: shape(each) for name, each in chunk.items() if name not in hidden}
        return [shape(each) for each in chunk] if isinstance(chunk, list) else chunk

    assert streamed(WfloSaver(InMemorySaver())) == streamed(InMemorySaver())


def test_a_run_goes_back_to_a_superstep_and_on_from_there(saved):
    graph = compiled(WfloSaver(InMemorySaver()), plan=says("a"), write=says("b"))
    with wflo.WfloWorkflow() as workflow:
        graph.invoke({"text": []}, thread(), durability="sync")
        planned = next(each for each in workflow.checkpoints() if each.name == "step 1")
        before = len(list(graph.get_state_history(thread())))

        restored = workflow.rollback(planned.checkpoint_id)
        done = graph.invoke(None, {"configurable": restored.state["langgraph"]})

    assert restored.state["values"] == {"text": ["a"]}
    assert done == {"text": ["a", "b"]}
    assert len(list(graph.get_state_history(thread()))) > before


def test_what_cannot_be_saved_in_the_run_does_not_harm_the_graph(saved, caplog):
    kept = {"text": [lambda: None]}
    graph = compiled(WfloSaver(InMemorySaver()), plan=lambda state: {"text": []})

    with pytest.raises(TypeError):  # LangGraph's own: its saver cannot keep it either
        graph.invoke(kept, thread())

    class Answer:
        """Nothing that is data."""

    allowed = compiled(WfloSaver(Anything()), plan=lambda state: {"text": [Answer()]})
    assert len(allowed.invoke({"text": []}, thread())["text"]) == 1
    assert "no checkpoint of plan: state.writes[0][1][0]: Answer" in caplog.text


class Anything(InMemorySaver):
    """Keeps whatever it is given, as it is."""

    def put(self, config, checkpoint, metadata, new_versions):
        checkpoint = {**checkpoint, "channel_values": {}}
        return super().put(config, checkpoint, metadata, {})

    def put_writes(self, config, writes, task_id, task_path=""):
        return None


AFTER_NODES = Policy(checkpoints=Checkpoints(after=(After.NODE,)))


def test_a_policy_asks_for_checkpoints_of_graphs_that_know_nothing_of_us():
    configured = configure(AFTER_NODES)
    saver = InMemorySaver()
    graph = compiled(saver, plan=says("a"))

    graph.invoke({"text": []}, thread(), durability="sync")

    kept = configured.store.checkpoints(configured.run.run_id)
    assert [each.name for each in kept] == ["input", "step 0", "plan", "step 1"]
    assert graph.checkpointer is saver
    assert len(list(graph.get_state_history(thread()))) == 3


def test_a_graph_without_a_saver_has_its_nodes_saved_and_needs_no_thread():
    configured = configure(AFTER_NODES)

    compiled(None, plan=says("a"), write=says("b")).invoke({"text": []})

    kept = configured.store.checkpoints(configured.run.run_id)
    assert [each.name for each in kept] == ["plan", "write"]


def test_a_wrapped_graph_shows_the_checkpoints_of_its_run():
    configure(AFTER_NODES)
    wrapped = wflo.wrap(compiled(None, plan=says("a")))

    wrapped.execute_sync({"text": []})

    assert [each.name for each in wrapped.checkpoints()] == ["plan"]


def test_without_being_asked_nothing_is_saved(saved):
    compiled(InMemorySaver(), plan=says("a")).invoke({"text": []}, thread())

    assert saved() == []


def test_a_version_of_langgraph_with_another_shape_is_told(caplog):
    integration.install(SimpleNamespace(Pregel=object))

    assert "this version of LangGraph is not known" in caplog.text


def test_watching_twice_wraps_once():
    from langgraph.pregel import main

    configure()
    watched = main.Pregel._resolve_checkpointer

    integration.install(main)

    assert main.Pregel._resolve_checkpointer is watched


def test_of_two_writers_on_one_thread_the_one_that_was_overtaken_is_stopped(saved):
    saver = InMemorySaver()
    graph = compiled(WfloSaver(saver), plan=says("a"), write=says("b"), close=says("c"))
    first = graph.stream({"text": []}, thread(), durability="sync")
    next(first)
    second = graph.stream({"text": []}, thread(), durability="sync")
    next(second)

    with pytest.raises(wflo.CheckpointConflictError, match="another run has gone on in thread 't'"):
        list(first)

    assert len(list(second)) == 2
    assert graph.get_state(thread()).next == ()


async def test_of_two_async_writers_the_one_that_was_overtaken_is_stopped(saved):
    graph = compiled(WfloSaver(InMemorySaver()), plan=says("a"), write=says("b"), close=says("c"))
    first = graph.astream({"text": []}, thread(), durability="sync")
    await anext(first)
    second = graph.astream({"text": []}, thread(), durability="sync")
    await anext(second)

    with pytest.raises(wflo.CheckpointConflictError):
        _ = [each async for each in first]

    assert len([each async for each in second]) == 2


def test_writers_on_threads_of_their_own_do_not_meet(saved):
    graph = compiled(WfloSaver(InMemorySaver()), plan=says("a"), write=says("b"))
    streams = [graph.stream({"text": []}, thread(name), durability="sync") for name in "xy"]
    for stream in streams:
        next(stream)

    assert [len(list(stream)) for stream in streams] == [1, 1]


def test_going_back_on_purpose_is_no_conflict(saved):
    graph = compiled(WfloSaver(InMemorySaver()), plan=says("a"), write=says("b"))
    graph.invoke({"text": []}, thread())
    graph.invoke({"text": []}, thread())
    oldest = [each for each in graph.get_state_history(thread()) if each.next == ("write",)][-1]

    assert graph.invoke(None, oldest.config) == {"text": ["a", "b"]}
    graph.update_state(thread(), {"text": ["c"]}, as_node="plan")
    assert graph.invoke(None, thread())["text"] == ["a", "b", "c", "b"]


def test_an_error_of_the_graph_is_the_graphs(saved):
    graph = compiled(WfloSaver(InMemorySaver()), plan=says("a"), write=says("b"))

    with pytest.raises(GraphRecursionError):
        graph.invoke({"text": []}, {**thread(), "recursion_limit": 1})


def test_without_a_configuration_the_saver_only_keeps(saved):
    saver = InMemorySaver()
    shutdown()

    compiled(WfloSaver(saver), plan=says("a")).invoke({"text": []}, thread())

    assert saver.get_tuple(thread()).checkpoint["channel_values"]["text"] == ["a"]


def test_the_inner_savers_attributes_are_there():
    saver = InMemorySaver()
    ours = WfloSaver(saver)

    assert ours.storage is saver.storage
    assert ours.config_specs == saver.config_specs
    with pytest.raises(AttributeError, match="absent"):
        _ = ours.absent


async def test_what_is_no_checkpoint_is_the_inner_savers():
    saver = InMemorySaver()
    ours = WfloSaver(saver)
    compiled(ours, plan=says("a")).invoke({"text": []}, thread())
    asked = {"config": thread(), "channels": ["text"]}

    assert ours.get_delta_channel_history(**asked) == saver.get_delta_channel_history(**asked)
    assert await ours.aget_delta_channel_history(**asked) == saver.get_delta_channel_history(
        **asked
    )
    ours.delete_thread("t")
    assert list(saver.list(thread())) == []


def test_a_saver_that_reads_more_classes_is_still_ours():
    more = WfloSaver(InMemorySaver()).with_allowlist([("decimal", "Decimal")])

    assert isinstance(more, WfloSaver)
    assert isinstance(more.inner, InMemorySaver)


def test_a_saver_remembers_only_so_many_threads(monkeypatch):
    monkeypatch.setattr(langgraph_saver, "_THREADS", 2)
    ours = WfloSaver(InMemorySaver())

    for name in "xyz":
        place = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
        ours.put(place, empty_checkpoint(), {}, {})

    assert [name for name, _ in ours._written] == ["y", "z"]


def test_every_checkpoint_is_an_event_of_the_executions_span():
    configure(AFTER_NODES)
    with kept_spans() as spans:
        wflo.wrap(compiled(InMemorySaver(), plan=says("a")), name="report").invoke(
            {"text": []}, thread(), durability="sync"
        )

    (workflow,) = (each for each in spans() if each.name == "invoke_workflow report")
    saved = [each for each in workflow.events if each.name == "wflo.checkpoint"]
    assert [each.attributes["wflo.checkpoint.name"] for each in saved] == [
        "input",
        "step 0",
        "plan",
        "step 1",
    ]
    assert saved[2].attributes["wflo.step"] == "plan"
