"""What a guard adds to one call of the OpenAI SDK, beside what one bare span adds there.

Both are timed within the same client, before a transport that answers from memory; the bare
side has the libraries' own methods, without the guard.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import httpx2
import openai
from measure import Row, Side, Target, interleaved
from opentelemetry import trace
from spans import BareSpan, provider

from wflo_otel.bootstrap import Configuration, configure, shutdown
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.seams import http
from wflo_otel.seams.active import activate

_PLENTY = Budget(usd=10**15)
_POLICY = Policy(budgets=Budgets(run=_PLENTY, agents={"*": _PLENTY}, workflows={"*": _PLENTY}))
_ANSWER = json.dumps(
    {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A ledger holds. " * 12},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {
            "prompt_tokens": 250,
            "completion_tokens": 48,
            "total_tokens": 298,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_benchmark",
    }
).encode()


def rows() -> list[Row]:
    """Time prompts of 1 kB and of 10 kB."""
    trace.set_tracer_provider(provider())
    configured = configure(_POLICY, state="memory://", run_name="benchmark")
    http.uninstall()
    try:
        return [row for size in (1_000, 10_000) for row in _added(configured, size)]
    finally:
        shutdown()


def _added(configured: Configuration, size: int) -> list[Row]:
    with openai.OpenAI(api_key="key", http_client=_client(), max_retries=0) as client:
        call = _call(client, "Tell me more of it. " * (size // 20))
        span = BareSpan(trace.get_tracer("benchmark"))

        @contextmanager
        def guarded() -> Iterator[None]:
            http.install()
            activate(configured.active)
            try:
                yield
            finally:
                activate(None)
                http.uninstall()

        times = interleaved(
            {
                "bare": Side(call),
                "span": Side(_both(span, call)),
                "guarded": Side(call, setting=guarded),
            },
            rounds=61,
            seconds=0.03,
        )
    return [_row(times, f"{size // 1_000} kB")]


def _both(span: BareSpan, call: Callable[[], object]) -> Callable[[], None]:
    def both() -> None:
        span()
        call()

    return both


def _row(times: dict[str, list[float]], size: str) -> Row:
    ours, spans = (
        median(one - bare for one, bare in zip(times[name], times["bare"], strict=True))
        for name in ("guarded", "span")
    )
    return Row(
        f"what we add to an OpenAI SDK call, prompt of {size}",
        ours,
        "µs",
        spans,
        "bare span there",
        ours / spans,
        Target("ratio", 2.0),
    )


def _client() -> httpx2.Client:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            200, headers={"content-type": "application/json"}, stream=httpx2.ByteStream(_ANSWER)
        )

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def _call(client: openai.OpenAI, prompt: str) -> Callable[[], object]:
    def call() -> object:
        return client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": prompt}],
            max_tokens=200,
        )

    return call
