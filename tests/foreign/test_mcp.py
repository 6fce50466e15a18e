"""Tools that an agent calls over MCP, whose SDK writes spans of its own: free, and of its run."""

import asyncio

import pytest
from mcp import Client
from mcp.client._memory import InMemoryTransport
from mcp.server import MCPServer
from opentelemetry.trace import StatusCode

from instrumented import INSTRUMENTATIONS, instrumented
from sdk_paths import HELLO, OPENAI_MODEL, openai_client
from wflo_otel.core.call import Operation

pytestmark = [pytest.mark.foreign, pytest.mark.filterwarnings("ignore")]

#: How the two sides meet: by a call, or by streams, where the client's span is seen as from afar.
WAYS = {"called": lambda server: server, "streamed": InMemoryTransport}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
either_decider = pytest.mark.parametrize("guard", [True, False], ids=["guard", "processor alone"])


def tools(provider):
    """A server with a tool that asks a model, and one that does not."""
    server = MCPServer("tools")

    @server.tool()
    def summarise(text: str) -> str:
        with openai_client(provider, max_retries=0) as client:
            asked = client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO)
        return f"{text}: {asked.id}"

    @server.tool()
    def search(query: str) -> str:
        return f"found {query}"

    return server


def calls(rig, way, tool, **arguments):
    """One agent's call of a tool; what the tool answered."""

    async def main():
        with rig.tracer("app").start_as_current_span("agent"):
            async with Client(way(tools(rig.provider))) as client:
                return await client.call_tool(tool, arguments)

    return asyncio.run(main())


def named(rig, operation):
    return [
        span for span in rig.finished if span.attributes.get("gen_ai.operation.name") == operation
    ]


@either_decider
@every_way
def test_a_tool_is_a_call_that_costs_nothing(way, guard):
    with instrumented(*INSTRUMENTATIONS, guard=guard) as rig:
        assert not calls(rig, way, "search", query="it").is_error

        (span,) = named(rig, "execute_tool")
        assert "wflo.cost.usd" not in span.attributes
        assert [(each.operation, each.cost) for each in rig.records] == [
            (Operation.EXECUTE_TOOL, 0)
        ]
        assert rig.provider.requests == []


@either_decider
@every_way
def test_what_a_tool_asks_of_a_model_is_charged_once_and_to_the_run(way, guard):
    with instrumented(*INSTRUMENTATIONS, guard=guard) as rig:
        assert not calls(rig, way, "summarise", text="it").is_error

        assert len(rig.provider.requests) == 1
        assert len([each for each in rig.records if each.cost]) == 1
        assert [s.attributes["wflo.cost.usd"] for s in rig.priced] == [float(rig.billed_usd)]
        rig.assert_settled()


@every_way
def test_a_refusal_inside_a_tool_is_one_and_an_error_of_the_tool(way):
    with instrumented(*INSTRUMENTATIONS, guard=True, usd="0.000000001") as rig:
        assert calls(rig, way, "summarise", text="it").is_error

        assert rig.provider.requests == []
        assert rig.ledger.refused == 1
        said = [s for s in rig.finished if s.attributes.get("wflo.decision") == "refuse"]
        assert [s.status.status_code for s in said] == [StatusCode.ERROR]
        (tool,) = named(rig, "execute_tool")
        assert tool.attributes["error.type"] == "tool_error"
