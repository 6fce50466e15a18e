"""One exhausted request or message does not refuse the next."""

from __future__ import annotations

import asyncio
import contextvars
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from rich.console import Console

import wflo_otel as wflo
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.bootstrap.requests import watch_global_provider
from wflo_otel.cli.ending import lines_under
from wflo_otel.context import ActiveRun
from wflo_otel.core.policy import Budget, Budgets, Policy, RunPer
from wflo_otel.core.scope import run_key
from wflo_otel.errors import StoreError
from wflo_otel.report import report_of, with_requests
from wflo_otel.seams.spans.roots import watch_requests
from wflo_otel.seams.spans.sampler import PolicySampler
from wflo_otel.seams.traces import Requests, TraceRuns, requests
from wflo_otel.testing import FakeClock, ScriptedProvider

QUESTION = [{"role": "user", "content": "Why?"}]


class Service:
    """A process that serves requests, each of which may call a model once."""

    def __init__(self, made, url, traces):
        self.made = made
        self.tracer = traces.get_tracer("framework")
        self.client = openai.OpenAI(base_url=url, api_key="x", max_retries=0)
        self.async_client = openai.AsyncOpenAI(base_url=url, api_key="x", max_retries=0)

    def ask(self):
        return self.client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=9)

    async def ask_async(self):
        return await self.async_client.chat.completions.create(
            model="gpt-4o", messages=QUESTION, max_tokens=9
        )

    def serving(self, name="POST /ask", kind=SpanKind.SERVER, **more):
        return self.tracer.start_as_current_span(name, kind=kind, **more)

    def answers(self, times=2):
        """How many calls are answered before one is refused."""
        for count in range(times):
            try:
                self.ask()
            except wflo.BudgetExceededError:
                return count
        return times

    def runs(self):
        return {run.run_id: run for run in self.made.store.runs()}

    def summed(self):
        """The report of the process's run, with what its requests cost."""
        store = self.made.store
        own = self.runs()[self.made.run.run_id]
        return with_requests(report_of(own, store), store.runs(), store)

    def calls(self, run_id):
        key = run_key(run_id)
        found = [each for each in self.made.store.ledgers(key) if each.key == key]
        return found[0].settled.calls if found else 0


def shown(report):
    console = Console(file=io.StringIO(), width=100)
    console.print(lines_under(report, {}, "more", "letters"))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


@contextmanager
def service(*, run_per=None, sampler=None, watched=True, **more):
    policy = Policy(budgets=Budgets(run=Budget(calls=1)), run_per=run_per)
    traces = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    with ScriptedProvider() as provider:
        made = configure(policy, "memory://", providers=False, **more)
        if watched:
            watch_requests(traces)
        try:
            yield Service(made, provider.openai_url, traces)
        finally:
            shutdown()
            traces.shutdown()


@pytest.mark.parametrize("kind", [SpanKind.SERVER, SpanKind.CONSUMER])
@pytest.mark.parametrize("watched", [True, False])
def test_each_request_has_the_budget_of_a_run(kind, watched):
    with service(watched=watched) as web:
        for _ in range(3):
            with web.serving(kind=kind):
                assert web.answers() == 1


def test_spans_inside_a_request_belong_to_it():
    with service() as web, web.serving():
        assert web.answers() == 1
        with web.serving("step", kind=SpanKind.INTERNAL):
            assert web.answers() == 0


def test_what_serves_nothing_is_the_process_s_own_run():
    with service() as web:
        with web.serving(kind=SpanKind.INTERNAL):
            assert web.answers() == 1
        with web.serving(kind=SpanKind.INTERNAL), web.serving(kind=SpanKind.SERVER):
            assert web.answers() == 0


async def test_requests_that_are_served_at_once_do_not_share_a_budget():
    with service() as web:

        async def serve():
            with web.serving():
                await web.ask_async()
                with pytest.raises(wflo.BudgetExceededError):
                    await web.ask_async()

        await asyncio.gather(*(serve() for _ in range(5)))
        await web.async_client.close()


def test_workers_in_threads_do_not_share_a_budget():
    with service() as web:
        barrier = threading.Barrier(3)

        def work(_):
            barrier.wait()
            with web.serving("process", kind=SpanKind.CONSUMER):
                return web.answers()

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(work, range(3))) == [1, 1, 1]


def test_reports_show_a_request_by_its_trace_id_and_route_until_it_is_over():
    with service() as web:
        with web.serving("POST", attributes={"http.route": "/ask/{id}"}) as span:
            run_id = trace.format_trace_id(span.get_span_context().trace_id)
            web.ask()
            web.made.trace_runs.tend()
            assert (web.runs()[run_id].name, web.runs()[run_id].ended_at) == (
                "POST /ask/{id}",
                None,
            )
        web.made.trace_runs.tend()

        assert web.runs()[run_id].ended_at is not None


def test_what_a_request_asks_for_is_not_in_its_name():
    with service() as web, web.serving("GET /ask?about=me\n"):
        web.ask()

        assert "GET /ask" in {run.name for run in web.runs().values()}


def test_a_request_that_calls_no_model_is_no_run():
    with service() as web:
        with web.serving():
            pass

        assert len(web.runs()) == 1


def test_what_a_request_leaves_running_still_belongs_to_it():
    with service() as web:
        with web.serving() as span:
            web.ask()
        web.made.trace_runs.tend()
        with trace.use_span(span, end_on_exit=False):
            assert web.answers() == 0


def test_a_workflow_in_a_request_is_charged_to_the_request():
    with service() as web:
        for _ in range(2):
            with web.serving(), wflo.WfloWorkflow():
                assert web.answers() == 1


def test_another_request_s_workflow_is_not_charged():
    with service() as web, web.serving() as span, wflo.WfloWorkflow(name="first") as workflow:

        def another():
            with web.serving():
                web.ask()

        contextvars.Context().run(another)

        assert web.calls(workflow.run_id) == 0
        assert web.calls(trace.format_trace_id(span.get_span_context().trace_id)) == 0


@pytest.mark.parametrize("watched", [True, False])
def test_a_policy_can_have_one_run_for_the_process(watched):
    with service(run_per=RunPer.PROCESS, watched=watched) as web:
        with web.serving():
            assert web.answers() == 1
        with web.serving():
            assert web.answers() == 0


def test_a_run_that_was_joined_is_divided_only_where_the_policy_says_so():
    for run_per, second in ((None, 0), (RunPer.TRACE, 1)):
        with service(run_per=run_per, run_id="joined") as web:
            with web.serving():
                assert web.answers() == 1
            with web.serving():
                assert web.answers() == second


def test_requests_that_a_sampler_drops_are_known_by_the_policy_s_sampler():
    with service(sampler=PolicySampler(ALWAYS_OFF)) as web:
        for _ in range(2):
            with web.serving():
                assert web.answers() == 1
        with web.serving(kind=SpanKind.INTERNAL):
            assert web.answers() == 1
        with web.serving(kind=SpanKind.INTERNAL):
            assert web.answers() == 0


def test_a_remote_parent_without_an_sdk_is_a_request():
    with service() as web:
        for number in (1, 2):
            remote = SpanContext(number, 7, is_remote=True, trace_flags=TraceFlags(1))
            with trace.use_span(NonRecordingSpan(remote)):
                assert web.answers() == 1


def test_a_request_in_two_spans_is_over_with_the_second():
    requests = Requests()
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("framework")
    remote = SpanContext(5, 7, is_remote=True, trace_flags=TraceFlags(1))
    around = trace.set_span_in_context(NonRecordingSpan(remote))
    spans = [tracer.start_span("x", around, kind=SpanKind.SERVER) for _ in range(2)]
    for span in spans:
        requests.begin(span)

    requests.end(spans[0].get_span_context())
    assert requests.is_open(5)
    requests.end(spans[1].get_span_context())
    assert not requests.is_open(5)


def test_requests_are_forgotten_oldest_first():
    requests = Requests(limit=2)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("framework")
    spans = [tracer.start_span("x", kind=SpanKind.SERVER) for _ in range(3)]
    for span in spans:
        requests.begin(span)

    assert [requests.is_open(each.get_span_context().trace_id) for each in spans] == [
        False,
        True,
        True,
    ]


def test_a_process_s_report_can_sum_the_requests_it_served():
    with service() as web:
        with wflo.WfloWorkflow():  # a part of the process's own run, and no request
            web.ask()
        for _ in range(2):
            with web.serving():
                assert web.answers() == 1
        with web.serving():
            web.ask()

        report = web.summed()

        assert (report.calls, len(report.requests)) == (4, 3)
        assert report.total.cost == sum(each.cost for each in report.records)
        assert "3 requests called a model, each a run of its own: 2 refused, 2 stopped" in shown(
            report
        )


def test_requests_that_nothing_was_refused_are_only_counted():
    with service() as web:
        with web.serving():
            web.ask()

        assert "1 request called a model, each a run of its own\n" in shown(web.summed())


class NoHistory:
    """A store that cannot answer."""

    def open_run(self, run):
        raise StoreError("the disk is full")

    def close_run(self, run_id, ended_at):
        raise StoreError("the disk is full")


def test_a_store_that_cannot_answer_is_left_to_the_call_s_own_decision(caplog):
    trace_runs = TraceRuns(ActiveRun("process"), NoHistory(), FakeClock(), lambda: True)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("framework")
    with tracer.start_as_current_span("x", kind=SpanKind.SERVER) as span:
        run = trace_runs.current()
    trace_runs.close()

    assert run.run_id == trace.format_trace_id(span.get_span_context().trace_id)
    assert caplog.text.count("the disk is full") == 2


def test_configuring_has_the_global_provider_tell_of_requests(monkeypatch):
    traces = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: traces)
    watch_global_provider()
    watch_global_provider()
    tracer = traces.get_tracer("framework")

    with tracer.start_as_current_span("x", kind=SpanKind.SERVER) as span:
        trace_id = span.get_span_context().trace_id
        assert requests.is_open(trace_id)

    assert not requests.is_open(trace_id)
