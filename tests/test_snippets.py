"""The snippets that users are promised run as they stand."""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
import re
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

import wflo_otel
import wflo_otel.after_agent
import wflo_otel.decorators
import wflo_otel.retries
import wflo_otel.workflow
from decorated import watch

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parent / "data" / "snippets.md").read_text(), re.DOTALL
)
USAGE = SimpleNamespace(prompt_tokens=1000, completion_tokens=100)


async def create(*_):
    await asyncio.sleep(0)
    return SimpleNamespace(model="gpt-4", usage=USAGE)


@pytest.fixture
def namespace():
    """The public names, and stand-ins for what the snippets leave out."""
    completions = SimpleNamespace(create=create)
    names = {
        name: getattr(module, name)
        for module in (
            wflo_otel.after_agent,
            wflo_otel.decorators,
            wflo_otel.retries,
            wflo_otel.workflow,
        )
        for name in module.__all__
    }
    client = SimpleNamespace(chat=SimpleNamespace(completions=completions))
    return {
        **names,
        "client": client,
        "i": 1,
        "name": "search",
        "state": {"step": 1},
        "task": SimpleNamespace(callback=None),
        "create_langgraph_workflow": lambda: functools.partial(create, "a graph's input"),
    }


def run(block, namespace):
    """Run a block that may await at its top level, in a loop of its own."""
    code = compile(block, "snippets.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, namespace)  # our own snippets
    if inspect.iscoroutine(result):
        asyncio.run(result)


@pytest.fixture
def ran(namespace):
    """Everything the snippets define, on a configuration in memory."""
    namespace["seen"] = watch()
    for block in BLOCKS:
        run(block, namespace)
    yield namespace
    namespace["wflo"].close()


def test_every_snippet_runs(ran):
    assert len(BLOCKS) == 8
    assert [each.name for each in ran["wflo"].checkpoints()] == ["iteration_1_tool_search"]


def test_a_call_is_priced_and_charged_to_the_workflow(ran):
    asyncio.run(ran["call_llm"]([{"role": "user", "content": "hello"}]))

    # gpt-4 costs $30 and $60 per million tokens.
    assert ran["wflo"].cost_usd == Decimal("0.036")
    assert ran["seen"].records[-1].model == "gpt-4"


def test_the_breakdown_has_the_agents_with_budgets(ran):
    assert set(ran["breakdown"]) == {"researcher", "writer", "editor"}
    assert ran["breakdown"]["researcher"]["budget_usd"] == 2
    assert ran["breakdown"]["editor"]["cost_usd"] == 0


def test_what_the_snippets_decorate_works_for_the_workflow(ran):
    asyncio.run(ran["research"]())
    asyncio.run(ran["plan_research"]({"topic": "x"}))
    asyncio.run(ran["my_function"]())
    asyncio.run(ran["call_api"]())
    ran["search_web"]("query")

    names = [each.name for each in ran["wflo"].checkpoints()]
    assert names == ["iteration_1_tool_search", "plan_research", "my_function"]
    operations = [record.operation.value for record in ran["seen"].records[1:]]
    assert operations == ["invoke_agent", "chat", "execute_tool"]


def test_what_is_wrapped_answers_as_ever(ran):
    assert ran["result"].model == "gpt-4"
    assert ran["wflo_workflow"].run_id == ran["wflo"].run_id


def test_the_module_wraps_as_the_workflow_does(ran):
    ran["wflo"] = SimpleNamespace(wrap=wflo_otel.wrap, close=ran["wflo"].close)

    run(BLOCKS[-1], ran)

    assert ran["result"].model == "gpt-4"


def test_a_checkpoint_is_saved_by_the_module_as_by_the_workflow(ran):
    ran["wflo"] = SimpleNamespace(checkpoint=ran["checkpoint"], close=ran["wflo"].close)

    run('kept = await wflo.checkpoint(f"iteration_{i}_tool_{name}", state)', ran)

    seen = ran["seen"]
    saved = seen.configuration.store.checkpoints(ran["kept"].run_id)
    assert saved[-1].name == "iteration_1_tool_search"
    assert len(saved) == 2
