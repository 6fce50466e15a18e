"""An engine over a real memory store, with prices and sizes that are easy to follow.

One input token costs 1_000 nano-USD, one output token 10_000; a request's input is its
``text_chars``, estimated exactly; a model gives at most 100 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loops_replay import similarity
from wflo_otel.core.call import Answer, Ask, Call, Operation, Outcome, Status
from wflo_otel.core.policy import Policy
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import Usage
from wflo_otel.engine import Engine
from wflo_otel.errors import StoreError
from wflo_otel.ports import Adapters, Estimate
from wflo_otel.stores.memory import MemoryStore
from wflo_otel.testing.clock import FakeClock


@dataclass(frozen=True)
class FlatPrice:
    input: int = 1_000_000
    output: int = 10_000_000
    source: str = "price"
    model: str = "gpt-4o"
    catalogue: str = "test 1"

    def cost_pico(self, usage):
        beside = sum(self.cost_pico(each.usage) for each in usage.extra)
        return usage.input_tokens * self.input + usage.output_tokens * self.output + beside

    def input_pico(self, tokens, cache_write=""):
        times = {"": 1, "5m": 2, "1h": 3} if "cached" in self.model else {}
        return tokens * self.input * times.get(cache_write, 1)

    def output_pico(self, input_tokens):
        return self.output


class FlatPrices:
    def price(self, provider, model, *, at, prices, service_tier=None):
        if model.startswith("unknown"):
            return None
        return FlatPrice(model=model, output=20_000_000 if "dear" in model else 10_000_000)

    def fallback(self, prices):
        return FlatPrice(input=99_000_000, output=99_000_000, source="fallback")


@dataclass
class PlainTokens:
    needed: int | None = None
    expected: int | None = None
    learned: list = field(default_factory=list)

    def input_tokens(self, ask):
        return Estimate(ask.text_chars, ask.text_chars)

    def output_tokens(self, model, chars, chunks):
        return max(chars, chunks)

    def max_output(self, provider, model):
        return 100

    def needed_output(self, ask, agent):
        return self.needed

    def expected_output(self, ask, agent):
        return self.expected

    def learn(self, ask, agent, usage, *, whole, estimate=None):
        self.learned.append((usage, whole))


class Told:
    """Telemetry that remembers what it was told."""

    def __init__(self):
        self.refusals, self.records, self.observed = [], [], []
        self.warnings, self.failures, self.latencies, self.unknown = [], [], [], []
        self.moves, self.circling, self.saved = [], [], []

    def refused(self, refused):
        self.refusals.append(refused)

    def settled(self, record, observed):
        self.records.append(record)
        self.observed.append(observed)

    def warned(self, call_id, warning):
        self.warnings.append((call_id, warning))

    def unrecognised(self, host, *, refused):
        self.unknown.append((host, refused))

    def looped(self, call, circling):
        self.circling.append(circling)

    def checkpointed(self, checkpoint):
        self.saved.append(checkpoint)

    def moved(self, transition):
        self.moves.append(transition)

    def state_failed(self, operation, error, *, allowed):
        self.failures.append((operation, allowed))

    def state_latency(self, operation, seconds):
        self.latencies.append(operation)


class BreakableStore(MemoryStore):
    """A store that can be taken away."""

    broken = False

    def _check(self):
        if self.broken:
            raise StoreError("the disk is full")

    def admit(self, *args):
        self._check()
        return super().admit(*args)

    def grow(self, *args):
        self._check()
        return super().grow(*args)

    def settle(self, *args):
        self._check()
        return super().settle(*args)

    def void(self, *args):
        self._check()
        return super().void(*args)

    def leave(self, *args):
        self._check()
        return super().leave(*args)

    def forced(self):
        self._check()
        return super().forced()

    def renew(self, *args):
        self._check()
        return super().renew(*args)

    def note(self, *args):
        self._check()
        return super().note(*args)

    def stop(self, *args):
        self._check()
        return super().stop(*args)

    def ledgers(self, *args):
        self._check()
        return super().ledgers(*args)


class Bench:
    """An engine and everything around it."""

    def __init__(self, policy=None, clock=None):
        self.policy = policy or Policy()
        self.clock = clock or FakeClock()
        self.store = BreakableStore(self.clock)
        self.tokens, self.told = PlainTokens(), Told()
        self.engine = Engine(
            lambda: self.policy,
            Adapters(
                *(self.store, self.store, self.store, FlatPrices(), self.tokens, self.told),
                *(self.clock, similarity),
            ),
        )

    def call(self, call_id="a", *, chars=10, model="gpt-4o", owner="", caller=None, **ask):
        request = Ask(Operation.CHAT, "openai", model, text_chars=chars, **ask)
        return Call(call_id, request, caller or Caller("r"), owner=owner)

    def admit(self, call_id="a", **more):
        return self.engine.admit(self.call(call_id, **more))

    def ledger(self, key="run:r"):
        return next(view for view in self.store.ledgers(key) if view.key == key)


def answered(input_tokens=10, output_tokens=5, **more):
    """The outcome of a call that went well."""
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    answer = Answer(usage=usage, model="gpt-4o", complete=True, **more)
    return Outcome(Status.OK, answer, http_status=200)
