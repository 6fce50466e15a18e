"""How large a call is: its price, its estimate, the most it can use."""

from __future__ import annotations

from collections.abc import Callable

from wflo_otel.core.admission import Need
from wflo_otel.core.call import Ask, Call
from wflo_otel.core.decision import Granted, Queued
from wflo_otel.core.policy import Mode, OnStateError, Policy, Reserve, Unknown
from wflo_otel.core.scope import Caller, Scope, scopes_of
from wflo_otel.engine.permit import Permit, Refusal, unpriced_refusal
from wflo_otel.ports import Adapters, Estimate, Price
from wflo_otel.wire.dialects import provider_of_model

#: Whose caches take what nobody asked them to take; a price for it exists for some models.
_WRITES_UNASKED = frozenset({"openai", "azure.ai.openai"})

#: No window begins or ends within such a time: zones are whole quarters of an hour from UTC.
_QUARTER_S = 900

#: So many callers' scopes are remembered.
_CALLERS = 1024


class ScopesOf:
    """:func:`scopes_of`, remembered for each caller: an agent calls many times."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Caller, Policy, float, tuple[Scope, ...]]] = {}

    def __call__(self, caller: Caller, policy: Policy, now: float) -> tuple[Scope, ...]:
        """Name the scopes a call is charged to, outermost first."""
        quarter = now // _QUARTER_S
        known = self._known.get(id(caller))
        if known is not None:
            same, under, at, scopes = known
            if same is caller and under is policy and at == quarter:
                return scopes
        scopes = scopes_of(caller, policy, now)
        if len(self._known) >= _CALLERS:
            self._known.clear()
        self._known[id(caller)] = (caller, policy, quarter, scopes)
        return scopes


_NOTHING = Granted(0, 0, 0)


class Sizing:
    """Turns a call into a question: a permit with nothing granted yet, and its need."""

    def __init__(self, policy: Callable[[], Policy], adapters: Adapters) -> None:
        self._policy = policy
        self._ports = adapters
        self._scopes_of = ScopesOf()

    def question(self, call: Call) -> Permit | Refusal:
        """Price and size a call."""
        policy, now = self._policy(), self._ports.clock.time()
        scopes = self._scopes_of(call.caller, policy, now)
        price = self._known_price(call, policy, now)
        if price is None:
            if call.ask.model and policy.mode is Mode.ENFORCE and _refuses_unknown(policy, scopes):
                return unpriced_refusal(call)
            price = self._ports.prices.fallback(policy.prices)
        return Permit(call, scopes, price, self._estimate(call), _NOTHING, now)

    def fetched(self, call: Call) -> Permit:
        """Price the fetch of a response that exists already."""
        policy, now = self._policy(), self._ports.clock.time()
        scopes = self._scopes_of(call.caller, policy, now)
        price = self._known_price(call, policy, now) or self._ports.prices.fallback(policy.prices)
        return Permit(call, scopes, price, Estimate(0, 0), _NOTHING, now, reserved=False)

    def _known_price(self, call: Call, policy: Policy, now: float) -> Price | None:
        ask = call.ask
        if ask.model is None:
            return None
        return self._ports.prices.price(
            ask.provider, ask.model, at=now, prices=policy.prices, service_tier=ask.service_tier
        )

    def _estimate(self, call: Call) -> Estimate:
        if call.ask.model is None:  # what it is, only an inner seam will see
            return Estimate(0, 0)
        return self._ports.tokens.input_tokens(call.ask)

    def need(self, question: Permit) -> Need:
        """The most that a call can use."""
        call, tokens = question.call, self._ports.tokens
        ask, price, size = call.ask, question.price, question.estimate.upper
        if ask.model is None:
            return Need(0, 0, 0, 0)
        cap = ask.output_cap
        if cap is None:
            cap = tokens.max_output(ask.provider, ask.model)
        if _reserves_expected(question.scopes):
            cap = min(cap, tokens.expected_output(ask, call.caller.agent) or cap)
        needed = tokens.needed_output(ask, call.caller.agent) or 1
        return Need(
            input_pico=price.input_pico(size, _cache_write(ask)),
            output_pico=price.output_pico(size) * ask.choices,
            input_tokens=size,
            output_cap=cap,
            least_output=1 if ask.streaming else max(call.least_cap, needed),
            choices=ask.choices,
        )


def _cache_write(ask: Ask) -> str:
    """For how long the input is written to a cache: as asked, and by OpenAI unasked."""
    writes_unasked = ask.provider in _WRITES_UNASKED or provider_of_model(ask.model) == "openai"
    return ask.cache_write or ("5m" if writes_unasked else "")


def patience(scopes: tuple[Scope, ...], queued: Queued) -> float:
    """How long the budgets that are full let a call wait, in seconds."""
    return min(
        (s.budget.wait_s for s in scopes if s.budget is not None and s.key in queued.keys),
        default=60.0,
    )


def _refuses_unknown(policy: Policy, scopes: tuple[Scope, ...]) -> bool:
    if policy.prices.unknown_model is not None:
        return policy.prices.unknown_model is Unknown.REFUSE
    return any(s.budget is not None and s.budget.usd is not None for s in scopes)


def _reserves_expected(scopes: tuple[Scope, ...]) -> bool:
    is_limited = False
    for scope in scopes:
        if scope.budget is not None:
            if scope.budget.reserve is not Reserve.EXPECTED:
                return False
            is_limited = True
    return is_limited


def allows_state_errors(policy: Policy, permit: Permit) -> bool:
    """Whether a call may run although the state cannot answer."""
    allow = policy.on_state_error is OnStateError.ALLOW or policy.mode is Mode.SHADOW
    return allow or not permit.is_limited
