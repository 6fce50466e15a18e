"""Notices that wait for one thread to deliver them.

The rule: nobody who puts one in waits or fails for it. So many wait, those beyond are dropped;
each is tried twice; what fails is logged once for each channel.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from wflo_otel.core.policy import Notify
from wflo_otel.telemetry.notices.notice import Notice

#: So many notices wait.
BOUND: Final = 100
#: How long the end of the program waits for notices, in seconds.
EXIT_TIMEOUT_S: Final = 2.0
#: How long after a failure it is tried again, in seconds.
PAUSE_S: Final = 0.5

log = logging.getLogger("wflo_otel")


class DeliveryError(Exception):
    """A notice could not be delivered; the message says why and holds no secret."""


class Channel(Protocol):
    """A way to tell somebody. Equal ones have equal names."""

    @property
    def name(self) -> str:
        """What logs call it: no secret."""
        ...

    def deliver(self, notice: Notice) -> None:
        """Tell it, waiting.

        Raises:
            DeliveryError: nobody was told.
        """
        ...

    def abandon(self) -> None:
        """Make what waits give up, as far as that can be."""
        ...


def _channels_of(notify: Notify) -> Iterable[Channel]:
    # What they are made of takes longer to import than a program without notices should wait.
    from wflo_otel.telemetry.notices.channels import channels_of

    return channels_of(notify)


class Outbox:
    """A bounded queue, and a daemon thread that begins with the first notice.

    Args:
        channels: the ways that a policy names; called in that thread.
        pause_s: how long after a failure it is tried again, in seconds.
    """

    def __init__(
        self,
        channels: Callable[[Notify], Iterable[Channel]] = _channels_of,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._channels = channels
        self._pause_s = pause_s
        self._told: set[str] = set()
        self._begin()
        _outboxes.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Notice, Notify]] = deque()
        self._is_at_work = False
        self._delivering: Channel | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def put(self, notice: Notice, notify: Notify) -> None:
        """Leave a notice to be delivered."""
        with self._changed:
            if self._is_closed or len(self._waiting) >= BOUND:
                why = "the program is ending" if self._is_closed else "too many wait"
                self._say_once(why, "wflo: notices are dropped: %s", why)
                return
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="wflo-notices", daemon=True)
                thread.start()
                self._thread = thread
            self._waiting.append((notice, notify))
            self._changed.notify_all()

    def close(self, timeout_s: float = EXIT_TIMEOUT_S) -> bool:
        """Deliver what waits, for so long; tell whether all was. Idempotent."""
        with self._changed:
            is_done = self._changed.wait_for(self._is_idle, timeout_s)
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
            left = self._delivering
        if not is_done and left is not None:
            self._say_once("late", "wflo: %s was not told in time", left.name)
            left.abandon()
        return is_done

    def _is_idle(self) -> bool:
        return not self._waiting and not self._is_at_work

    def _work(self) -> None:
        from opentelemetry.instrumentation.utils import suppress_instrumentation

        with suppress_instrumentation():
            while (found := self._next()) is not None:
                notice, notify = found
                for channel in self._channels(notify):
                    self._deliver(notice, channel)

    def _next(self) -> tuple[Notice, Notify] | None:
        """The next notice, waited for; ``None`` once the outbox is closed."""
        with self._changed:
            self._is_at_work = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if self._is_closed:
                return None
            self._is_at_work = True
            return self._waiting.popleft()

    def _deliver(self, notice: Notice, channel: Channel) -> None:
        """Try it, and once more after a pause."""
        self._delivering = channel
        if self._tried(notice, channel) is None:
            return
        with self._changed:
            if self._changed.wait_for(lambda: self._is_closed, self._pause_s):
                return
        failure = self._tried(notice, channel)
        if failure is not None:
            self._say_once(
                channel.name, "wflo: %s could not be told (%s)", channel.name, str(failure)
            )

    def _tried(self, notice: Notice, channel: Channel) -> DeliveryError | None:
        try:
            channel.deliver(notice)
        except DeliveryError as failure:
            return failure
        except Exception as error:  # noqa: BLE001  # the thread must live; told with the others
            return DeliveryError(type(error).__name__)
        return None

    def _say_once(self, what: str, message: str, *values: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning(message, *values)


#: A forked child has no thread but its own, and its parent delivers what waits.
_outboxes: weakref.WeakSet[Outbox] = weakref.WeakSet()


def _after_fork() -> None:
    for outbox in _outboxes:
        outbox._begin()  # noqa: SLF001 - of this module


os.register_at_fork(after_in_child=_after_fork)
