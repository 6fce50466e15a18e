"""Our saver keeps LangGraph's contract: its own conformance suite passes over it, in full."""

import copy

import pytest

pytest.importorskip(
    "langgraph.checkpoint.conformance", reason="the conformance suite is not installed here"
)

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver

from wflo_otel.bootstrap import configure
from wflo_otel.integrations.langgraph_saver import WfloSaver


class WholeSaver(InMemorySaver):
    """One in memory that has all that a saver may have."""

    async def adelete_for_runs(self, run_ids):
        for found in [each async for each in self.alist(None)]:
            if found.metadata.get("run_id") in run_ids:
                given = found.config["configurable"]
                space = given["thread_id"], given["checkpoint_ns"]
                del self.storage[space[0]][space[1]][given["checkpoint_id"]]
                self.writes.pop((*space, given["checkpoint_id"]), None)

    async def acopy_thread(self, source_thread_id, target_thread_id):
        self.storage[target_thread_id] = copy.deepcopy(self.storage[source_thread_id])
        for kept in (self.writes, self.blobs):
            for key in [each for each in kept if each[0] == source_thread_id]:
                kept[target_thread_id, *key[1:]] = copy.deepcopy(kept[key])

    async def aprune(self, thread_ids, *, strategy="keep_latest"):
        for thread in thread_ids:
            if strategy == "delete":
                await self.adelete_thread(thread)
                continue
            for space in self.storage[thread].values():
                for old in sorted(space)[:-1]:
                    del space[old]


async def over_all():
    yield WfloSaver(WholeSaver())


async def over_what_is_in_memory():
    yield WfloSaver(InMemorySaver())


def failures(report):
    return {name: each.failures for name, each in report.results.items() if each.failures}


async def test_the_conformance_suite_passes_in_full():
    configured = configure()

    report = await validate(checkpointer_test(name="over all")(over_all))

    assert failures(report) == {}
    assert [name for name, each in report.results.items() if not each.passed] == []
    assert len(report.results) == 8
    assert configured.store.checkpoints(configured.run.run_id)


async def test_what_the_inner_saver_lacks_is_not_claimed():
    report = await validate(checkpointer_test(name="in memory")(over_what_is_in_memory))

    assert failures(report) == {}
    assert report.passed_all_base()
    assert not report.results["prune"].detected
