"""The demo: three agents that know nothing of wflo, one of which spends too much.

A scripted provider on loopback plays OpenAI and Anthropic, and bills on its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wflo_otel.testing import ReceivedRequest, Reply, ScriptedProvider, ToolRequest

HERE = Path(__file__).parent
TEAM = HERE / "team.py"

STORY = (
    "Twice a day the Moon pulls the sea up to the beach,\n"
    "and twice a day it lets go.\n"
    "In the bay of Fundy the water hears it and swings along, higher and higher,\n"
    "until the boats stand on the ground where they swam before lunch."
)
#: What English text comes to, about.
CHARS_PER_TOKEN = 4
QUERIES = ("tides bay of Fundy", "tidal resonance", "highest tides on Earth", "Moon and tides")


def answer(request: ReceivedRequest) -> Reply:
    """Play the models: the researcher's always asks for one more search."""
    tokens = len(request.prompt) // CHARS_PER_TOKEN
    if request.model == "gpt-4o":
        query = QUERIES[request.tool_results % len(QUERIES)]
        search = ToolRequest("search_web", {"query": query})
        return Reply(tool_calls=(search,), output_tokens=180, input_tokens=tokens, delay_s=0.15)
    if request.model == "gpt-4o-mini":
        return Reply(text=STORY, input_tokens=tokens, chunk_delay_s=0.03)
    return Reply(output_tokens=400, input_tokens=tokens, delay_s=0.3)


def run_team(provider: ScriptedProvider) -> int:
    """Run the unmodified team under ``wflo run``."""
    policy = HERE / "wflo.yaml"
    environ = os.environ | {
        "OPENAI_BASE_URL": provider.openai_url,
        "OPENAI_API_KEY": "none-is-needed",
        "ANTHROPIC_BASE_URL": provider.anthropic_url,
        "ANTHROPIC_API_KEY": "none-is-needed",
    }
    command = wflo("run", "--policy", str(policy), "--", sys.executable, str(TEAM))
    return subprocess.run(command, env=environ, check=False).returncode


def wflo(*words: str) -> list[str]:
    """Make a command line for the wflo of this Python."""
    return [sys.executable, "-m", "wflo_otel.cli", *words]


def last_run() -> dict:
    """Read back what wflo counted."""
    report = subprocess.run(
        wflo("report", "--json", "--last", "1"), capture_output=True, check=True
    )
    return json.loads(report.stdout)["runs"][0]


def bills(provider: ScriptedProvider, run: dict) -> Table:
    """Put the provider's bill beside ours, to the nano-dollar."""
    ours = {line["name"]: (line["calls"], Decimal(line["cost_usd"])) for line in run["by_model"]}
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, width=80)
    table.add_column("model", ratio=1)
    for name in ("requests", "billed", "calls", "counted", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    entries = provider.bill.entries
    for model, billed in sorted(provider.bill.by_model.items(), key=lambda each: -each[1]):
        requests = sum(entry.model == model for entry in entries)
        calls, counted = ours.get(model, (0, Decimal(0)))
        table.add_row(
            model, str(requests), usd(billed), str(calls), usd(counted), usd(counted - billed)
        )
    table.add_section()
    billed, counted = provider.bill.total_usd, Decimal(run["cost_usd"])
    row = (str(provider.bill.requests), usd(billed), str(run["calls"]), usd(counted))
    table.add_row("total", *row, usd(counted - billed), style="bold")
    return table


def usd(amount: Decimal) -> str:
    """Write US dollars with every digit."""
    return f"${amount:.9f}"


def explain(provider: ScriptedProvider) -> Text:
    """Say what happened to the researcher."""
    seen = sum(entry.model == "gpt-4o" for entry in provider.bill.entries)
    return Text.assemble(
        ("The researcher was stopped in the middle of its work. ", "bold"),
        f"Its call number {seen + 1} would have broken its budget of $0.12, and was refused "
        f"before it left this machine: the server saw {seen} requests of it, and no more. "
        "The other two never noticed.",
    )


def main() -> int:
    console = Console(highlight=False)
    console.width = 80
    console.print("$ wflo run --policy examples/demo/wflo.yaml -- python examples/demo/team.py")
    with ScriptedProvider() as provider:
        provider.reply_to(answer)
        code = run_team(provider)
        provider.wait_until_idle()
        run = last_run()
        console.print("\n[bold]The provider's own bill, beside what wflo counted[/]\n")
        console.print(bills(provider, run), "")
        console.print(explain(provider))
        agrees = provider.bill.total_usd == Decimal(run["cost_usd"])
    return code if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
