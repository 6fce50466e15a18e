"""A program as our child: signals passed on, its exit code ours.

The rule: the program gets every signal once. The child stays in our process group, so that
job control works; what the terminal sends it, it has already.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

#: How often there is something to do while the program runs, in seconds.
TICK_S = 0.25

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: What a terminal sends to every process in the foreground.
_TYPED = frozenset({signal.SIGINT, signal.SIGQUIT})
#: ``si_code`` up to this: the signal comes from a process, not from the kernel.
_FROM_A_PROCESS = 0


def supervise(command: Sequence[str], environ: Mapping[str, str], tick: Callable[[], None]) -> int:
    """Run a program to its end; ``tick`` is called a few times a second meanwhile.

    Returns:
        Its exit code; 128 + n where signal n ended it.

    Raises:
        OSError: it cannot be started.
    """
    # Where it is ignored, children vanish with their exit code.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Signals() as signals:
        # Descriptors that our caller handed down are the program's.
        child = subprocess.Popen(  # noqa: S603 - the user's own command
            command, env=dict(environ), close_fds=False
        )
        signals.hold()
        while child.poll() is None:
            for each in signals.wait(child, TICK_S):
                child.send_signal(each)
            tick()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


class Signals:
    """The signals that must be passed on, from the moment this is entered."""

    def __init__(self) -> None:
        self._arrived: deque[int] = deque()
        # One that is ignored (``nohup``) is ignored by the program, too, and stays so.
        self._watched = tuple(
            each for each in _PASSED_ON if signal.getsignal(each) is not signal.SIG_IGN
        )
        self._holding = False

    def __enter__(self) -> Self:
        # Handlers, not a mask: a mask would be inherited by the program.
        self._before = {each: signal.signal(each, self._note) for each in self._watched}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number not in _TYPED or not _is_in_foreground():
            self._arrived.append(number)

    def hold(self) -> None:
        """Keep signals until they are waited for, where the system can say who sent them."""
        if hasattr(signal, "sigtimedwait"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {*self._watched, signal.SIGCHLD})
            self._holding = True

    def wait(self, child: subprocess.Popen[bytes], timeout_s: float) -> list[int]:
        """Wait for a signal, the child's end or the time; return what to pass on."""
        if self._holding:
            self._take_one(timeout_s)
        else:
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout_s)
        found = list(self._arrived)
        self._arrived.clear()
        return found

    def _take_one(self, timeout_s: float) -> None:
        info = signal.sigtimedwait({*self._watched, signal.SIGCHLD}, timeout_s)
        if info is None or info.si_signo == signal.SIGCHLD:
            return
        if info.si_code <= _FROM_A_PROCESS or info.si_signo not in _TYPED:
            self._arrived.append(info.si_signo)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._holding:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {*self._watched, signal.SIGCHLD})
        for each, before in self._before.items():
            signal.signal(each, before)


def _is_in_foreground() -> bool:
    """Whether what is typed at the terminal goes to this process, and so to its child."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
