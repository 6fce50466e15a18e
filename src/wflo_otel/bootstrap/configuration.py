"""One configuration per process: made by ``configure``, or on first use by whoever needs one."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wflo_otel.bootstrap import frameworks
from wflo_otel.bootstrap.children import at_end_of_children
from wflo_otel.bootstrap.gauges import shown_ledgers
from wflo_otel.bootstrap.housekeeper import Housekeeper
from wflo_otel.bootstrap.policies import PolicyInForce, PolicySource, Usd
from wflo_otel.bootstrap.requests import watch_global_provider
from wflo_otel.bootstrap.warming import load_prices_with_first_client
from wflo_otel.clock import SystemClock
from wflo_otel.config import Settings, from_environment
from wflo_otel.context import ActiveRun, runs
from wflo_otel.core.policy import Mode, Policy, RunPer
from wflo_otel.core.scope import Caller
from wflo_otel.engine import Engine
from wflo_otel.metering.prices import CataloguePrices
from wflo_otel.metering.similarity import similarity
from wflo_otel.metering.tokens import LearningEstimator
from wflo_otel.ports import Adapters, CheckpointStore, Clock, ResultLog, RunInfo
from wflo_otel.seams import http
from wflo_otel.seams.active import Active, activate, active
from wflo_otel.seams.results import Results
from wflo_otel.seams.run_checkpoints import last_checkpoint
from wflo_otel.seams.traces import TraceRuns
from wflo_otel.stores import Store, open_store
from wflo_otel.stores.sealing import sealed, sealed_results
from wflo_otel.telemetry.late import LateProviders
from wflo_otel.telemetry.notices import Notifying, Outbox
from wflo_otel.telemetry.otel import OTelTelemetry
from wflo_otel.telemetry.setup import Setup, ensure_providers, instrument_http, instrument_threads

#: Open calls are renewed three times before their lease ends; finalizers wait a second.
_TEND_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force, and what it is made of."""

    active: Active
    engine: Engine
    store: Store
    policy: PolicyInForce
    run: ActiveRun
    #: False where the run was joined: who opened it closes it.
    owns_run: bool
    housekeeper: Housekeeper
    #: Where telemetry goes, and what could not be set up; known from the first span on.
    telemetry: LateProviders
    guarded: tuple[str, ...]
    trace_runs: TraceRuns
    #: Notices that are on their way.
    outbox: Outbox


log = logging.getLogger("wflo_otel")

#: What is said, loudly, where nothing is guarded on purpose.
SWITCHED_OFF = "switched off by WFLO_DISABLED=1: nothing is refused, and no client is guarded"

_lock = threading.RLock()
_configuration: Configuration | None = None


def configure(
    policy: PolicySource = None,
    state: str | None = None,
    *,
    budget_usd: Usd | None = None,
    run_id: str | None = None,
    run_name: str | None = None,
    guard: bool = True,
    providers: bool = True,
    clock: Clock | None = None,
) -> Configuration:
    """Put a policy in force in this process, and guard its HTTP clients.

    Every argument may also come from the environment (``WFLO_POLICY``, ``WFLO_STATE``,
    ``WFLO_BUDGET_USD``, ``WFLO_RUN_ID``, ``WFLO_RUN_NAME``); an argument wins. Calling it again
    replaces what was in force; open calls are settled where they were admitted.

    Args:
        policy: the path of a policy file, or a :class:`Policy`. Without one nothing is
            refused: calls are only counted.
        state: where budgets live: ``memory://`` (this process; the default) or
            ``sqlite:///path`` (several processes on one machine).
        budget_usd: US dollars for the run; the tighter of this and the policy holds.
        run_id: a run to join, so that several processes share its budget.
        run_name: what reports call the run; by default the script's name.
        guard: False leaves HTTP clients alone: only decorators and spans are seen.
        providers: False leaves all that is OpenTelemetry's to the program: nothing is set up.
        clock: another clock, for tests.

    Returns:
        What is in force now.

    Raises:
        ConfigError: the policy, the state or the environment is wrong, or a library that
            must be guarded has an unknown shape.
    """
    global _configuration  # noqa: PLW0603  # one per process, by design
    settings = from_environment(os.environ)
    clock = clock or SystemClock()
    if settings.disabled:
        log.warning("wflo: %s", SWITCHED_OFF)
        policy, state, budget_usd = Policy(mode=Mode.SHADOW), "memory://", None
        settings = Settings(disabled=True)
    with _lock:
        in_force = PolicyInForce(
            settings.policy if policy is None else policy,
            settings.budget_usd if budget_usd is None else budget_usd,
        )
        store = open_store(state or settings.state or "memory://", clock)
        key = settings.checkpoint_key
        kept = sealed(store, key), sealed_results(store.result_log, key)
        run = _process_run(settings, run_id, run_name, clock)
        owns_run = not (run_id or settings.run_id)
        shutdown()  # only now: whatever is wrong leaves the old configuration in force
        _configuration = _wire(
            in_force,
            store,
            run,
            owns_run,
            clock,
            kept=kept,
            guard=guard and not settings.disabled,
            providers=providers,
        )
        return _configuration


def _process_run(
    settings: Settings, run_id: str | None, run_name: str | None, clock: Clock
) -> ActiveRun:
    name = run_name or settings.run_name or _script_name()
    joined = run_id or settings.run_id
    agent = settings.agent or (_script_name() if settings.run_id else None)
    run = ActiveRun(joined or clock.new_id()[:16], name, implicit_agent=agent)
    agents = (agent,) if agent else ()
    run.base = Caller(run.run_id, workflow=name or None, agents=agents)
    return run


def _script_name() -> str:
    return Path(sys.argv[0]).stem if sys.argv and sys.argv[0] not in {"", "-c", "-m"} else ""


def _wire(
    in_force: PolicyInForce,
    store: Store,
    run: ActiveRun,
    owns_run: bool,
    clock: Clock,
    *,
    kept: tuple[CheckpointStore, ResultLog],
    guard: bool,
    providers: bool,
) -> Configuration:
    checkpoints, results = kept
    outbox = Outbox()
    late = LateProviders(_ensure_watched if providers else partial(Setup, {}))
    telemetry = OTelTelemetry(before_first_span=late.ensure)
    adapters = Adapters(
        state=store,
        runs=store,
        checkpoints=checkpoints,
        prices=CataloguePrices(),
        tokens=LearningEstimator(),
        telemetry=Notifying(telemetry, in_force, clock, outbox),
        clock=clock,
        similarity=similarity,
    )
    engine = Engine(in_force, adapters)
    telemetry.watch_budgets(partial(shown_ledgers, store, runs))
    telemetry.watch_breakers(store.circuits)
    store.open_run(RunInfo(run.run_id, run.name, clock.time()))
    if not owns_run:
        run.last_checkpoint = last_checkpoint(store, run.run_id)
    http.uninstall()
    guarded = tuple(http.install()) if guard else ()
    frameworks.install()
    at_end_of_children(_end_child)
    if providers:
        watch_global_provider()
        instrument_http()
        instrument_threads()
    now_active = Active(
        engine,
        telemetry.tracer,
        store,
        checkpoints,
        clock,
        telemetry,
        store.dead_letters,
        Results(results, checkpoints, in_force, clock),
        guard,
    )
    load_prices_with_first_client()
    runs.join(run)
    per_trace = TraceRuns(run, store, clock, partial(_is_per_trace, in_force, owns_run))
    runs.of_request = per_trace.current
    activate(now_active)
    period = min(_TEND_EVERY_S, store.lease_s / 3)
    duties = (engine.tend, engine.renew, in_force.refresh, telemetry.tend, per_trace.tend)
    housekeeper = Housekeeper(duties, period)
    return Configuration(
        now_active,
        engine,
        store,
        in_force,
        run,
        owns_run,
        housekeeper,
        late,
        guarded,
        per_trace,
        outbox,
    )


def _is_per_trace(in_force: PolicyInForce, owns_run: bool) -> bool:
    chosen = in_force().run_per
    return owns_run if chosen is None else chosen is RunPer.TRACE


def _ensure_watched() -> Setup:
    made = ensure_providers()
    watch_global_provider()
    return made


def configuration() -> Configuration | None:
    """What is in force, ``None`` before anything was configured."""
    return _configuration


def ensure_configured() -> Active:
    """What the seams work with; configured from the environment on first use."""
    found = active()
    if found is not None:
        return found
    with _lock:
        return active() or configure().active


def shutdown() -> None:
    """Take down what is in force: settle, close the run, release the store. Idempotent."""
    global _configuration  # one per process, by design
    with _lock:
        ending, _configuration = _configuration, None
        if ending is None:
            return
        activate(None)
        runs.clear()
        ending.housekeeper.end()
        ending.engine.close()
        ending.trace_runs.close()
        if ending.owns_run:
            ending.store.close_run(ending.run.run_id, ending.active.clock.time())
        ending.store.close()
        ending.outbox.close()


def _after_fork() -> None:
    if _configuration is not None:
        _configuration.engine.after_fork()
        _configuration.housekeeper.after_fork()


def _end_child() -> None:
    ending = _configuration
    shutdown()
    if ending is not None:
        ending.telemetry.close()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(shutdown)
