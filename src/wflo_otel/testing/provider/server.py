"""The scripted provider as tests use it: in this process, on a free port of loopback."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from wflo_otel.testing.provider.bill import Bill
from wflo_otel.testing.provider.connection import Listener
from wflo_otel.testing.provider.request import ReceivedRequest
from wflo_otel.testing.provider.script import Reply, Responder, Rule, Script
from wflo_otel.testing.provider.service import Service


class ScriptedProvider:
    """An LLM provider that answers as told and bills on its own.

    It speaks OpenAI chat completions, completions, Responses, embeddings, models and batches,
    Anthropic messages and batches, Gemini's content, Bedrock's converse, and Cohere's chat and
    embeddings. It listens from the moment it is made until :meth:`close`, or the end
    of its ``with`` block.

    Args:
        replies: the first replies, in order, as with :meth:`script`.
        port: 0 takes a free one.
        max_requests: further requests are answered with status 503, so that a loop ends.
    """

    def __init__(self, *replies: Reply, port: int = 0, max_requests: int = 10_000) -> None:
        self._script = Script(replies)
        self._service = Service(self._script, max_requests)
        self._listener = Listener(port, self._service.answer)
        self._thread = threading.Thread(
            target=self._listener.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="scripted-provider",
            daemon=True,
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()
        if error is None:
            self._raise_failure()

    @property
    def base_url(self) -> str:
        """Such as ``http://127.0.0.1:40123``."""
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def openai_url(self) -> str:
        """The ``base_url`` of an OpenAI client."""
        return f"{self.base_url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The ``base_url`` of an Anthropic client."""
        return self.base_url

    @property
    def bill(self) -> Bill:
        """What the provider charges so far."""
        return self._service.bill

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every request in the order of arrival, those that were refused included."""
        return self._service.requests

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return self._listener.open_connections

    @property
    def default(self) -> Reply:
        """The reply where nothing else is scripted."""
        return self._script.default

    @default.setter
    def default(self, reply: Reply) -> None:
        self._script.default = reply

    def script(self, *replies: Reply) -> None:
        """Queue replies; each answers one request, and goes before everything else."""
        self._script.add(replies)

    def rules(self, *rules: Rule) -> None:
        """Answer requests that fit a rule so; the first that fits counts. Replaces all rules."""
        self._script.rules = rules

    def reply_to(self, responder: Responder | None) -> None:
        """Let a function choose the reply; ``None`` ends that.

        What it raises is answered with status 500 and raised again by :meth:`close`.
        """
        self._script.responder = responder

    def load(self, data: dict[str, object]) -> None:
        """Take over a script of plain data, as ``--script FILE`` reads it.

        Raises:
            TypeError: a key is unknown.
            ValueError: a value has no meaning.
        """
        self._script.load(data)

    def wait_until_idle(self, timeout_s: float = 5.0) -> None:
        """Wait until every request is answered or its client gone; the bill is then final.

        Raises:
            TimeoutError: a request is still being answered.
        """
        if not self._listener.wait_until_idle(timeout_s):
            raise TimeoutError(f"a request is still being answered after {timeout_s:g} s")

    def close(self) -> None:
        """End all connections and give back the port.

        Raises:
            Exception: the first that a ``reply_to`` function, or the server itself, raised.
        """
        self._end()
        self._raise_failure()

    def _end(self) -> None:
        self._listener.close()
        self._thread.join()

    def _raise_failure(self) -> None:
        failures = [*self._service.failures, *self._listener.failures]
        if failures:
            raise failures[0]
