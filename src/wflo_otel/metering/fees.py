"""What tools cost that run on the provider's side and are billed by use.

The rule here: the catalogue's fee wins where it has one; this table fills its gaps. A tool
that is billed by time or not at all has no row and costs nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Names as wires report them, without their suffix, and the unit each is billed in.
_UNITS = {
    "web_search": "web_searches",
    "web_search_preview": "web_searches",
    "google_search": "web_searches",
    "x_search": "social_searches",
    "file_search": "storage_searches",
    "collections_search": "storage_searches",
    "code_interpreter": "code_executions",
    "code_execution": "code_executions",
}

_SUFFIXES = ("_call", "_calls", "_requests", "_queries")

#: Pico-USD for each use, by the catalogue's provider id. Sources: the providers' public price
#: pages for tools. OpenAI: web search $10 and file search $2.50 per 1,000 calls, a code
#: interpreter container $0.03 (each use counted as a container of its own). Anthropic: web
#: search $10 per 1,000; code execution is billed by the hour beyond a free allowance. Google:
#: grounding $35 per 1,000. xAI: $5 per 1,000, collections $2.50. Mistral: connectors $30.
#: Cohere: rerank $2 per 1,000 searches. OpenAI: a minute of sound that is billed by its length
#: (whisper-1) $0.006.
_FEES: Mapping[str, Mapping[str, int]] = {
    "openai": {
        "web_searches": 10_000_000_000,
        "storage_searches": 2_500_000_000,
        "code_executions": 30_000_000_000,
        "audio_seconds": 100_000_000,
    },
    "cohere": {"search_units": 2_000_000_000},
    "anthropic": {"web_searches": 10_000_000_000},
    "google": {"web_searches": 35_000_000_000},
    "x-ai": {
        "web_searches": 5_000_000_000,
        "social_searches": 5_000_000_000,
        "storage_searches": 2_500_000_000,
        "code_executions": 5_000_000_000,
    },
    "mistral": {"web_searches": 30_000_000_000, "code_executions": 30_000_000_000},
}

FEE_UNITS = frozenset(_UNITS.values())


def fee_unit(tool: str) -> str:
    """Name the unit that uses of this tool are billed in; the tool itself where none is."""
    for suffix in _SUFFIXES:
        tool = tool.removesuffix(suffix)
    return _UNITS.get(tool, tool)


def fees_of(provider_id: str | None) -> Mapping[str, int]:
    """Return this provider's fees in pico-USD by unit."""
    if provider_id == "azure":
        provider_id = "openai"
    return _FEES.get(provider_id or "", {})


def dearest_fees() -> Mapping[str, int]:
    """Return the most that anyone asks for each unit, in pico-USD: what an unknown model costs."""
    every = list(_FEES.values())
    return {unit: max(fees.get(unit, 0) for fees in every) for fees in every for unit in fees}
