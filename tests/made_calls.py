"""Calls, requests and charges for tests of stores, with what matters as arguments."""

from __future__ import annotations

import hashlib

from wflo_otel.core.admission import Need, Reserve
from wflo_otel.core.call import Ask, Call, CallRecord, Operation, Status
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.ledger import Amount
from wflo_otel.core.policy import Budget
from wflo_otel.core.scope import Caller, Scope, agent_key, run_key
from wflo_otel.core.usage import Usage
from wflo_otel.ports import Charge

#: One token of output costs this much, in nano-USD; an input costs nothing unless it is said.
TOKEN = 1_000


def caller(run_id: str = "r", *, parents: tuple[str, ...] = (), agent: str = "a") -> Caller:
    return Caller(run_id, parent_runs=parents, agents=(agent,), workflow="w")


def call(call_id: str, who: Caller | None = None, *, owner: str = "") -> Call:
    ask = Ask(Operation.CHAT, "openai", "gpt-4o", output_cap=100, text_chars=7)
    return Call(call_id, ask, who or caller(), owner=owner)


def request(call_id: str, tokens: int, *, owner: str = "", enforce: bool = True) -> Reserve:
    need = Need(0, TOKEN * 1_000, 0, tokens, least_output=tokens)
    return Reserve(call_id, need, owner, 0.0, enforce=enforce)


def amount(tokens: int) -> Amount:
    return Amount(tokens * TOKEN, tokens, 1)


def budget(tokens: int, **options: object) -> Budget:
    return Budget(usd=tokens * TOKEN, **options)  # type: ignore[arg-type]


def scopes(limit: int, *, run_id: str = "r", agent_limit: int | None = None) -> list[Scope]:
    per_agent = None if agent_limit is None else budget(agent_limit)
    return [Scope(run_key(run_id), budget(limit)), Scope(agent_key(run_id, "a"), per_agent)]


def record(
    call_id: str, tokens: int, who: Caller | None = None, ended_at: float = 1.0
) -> CallRecord:
    return CallRecord(
        call_id,
        who or caller(),
        Operation.CHAT,
        Status.OK,
        started_at=0.0,
        ended_at=ended_at,
        provider="openai",
        model="gpt-4o",
        usage=Usage(output_tokens=tokens),
        cost=tokens * TOKEN,
        cost_source="price",
    )


def charge(
    call_id: str,
    tokens: int,
    *,
    response: str | None = None,
    only_once: bool = False,
    who: Caller | None = None,
) -> Charge:
    return Charge(amount(tokens), record(call_id, tokens, who), response, only_once)


def checkpoint(
    checkpoint_id: str, state: bytes, *, run_id: str = "r", created_at: float = 1.0
) -> Checkpoint:
    return Checkpoint(
        checkpoint_id,
        run_id,
        "draft",
        parent=None,
        step="node",
        agent="writer",
        created_at=created_at,
        size=len(state),
        digest=hashlib.blake2b(state, digest_size=16).hexdigest(),
        codec="json/2",
    )
