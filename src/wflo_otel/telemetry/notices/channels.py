"""How a notice gets out of the process: posted to a webhook, or given to a command.

The rule: neither passes the guard nor an instrumentation. The standard library posts, which the
guard leaves alone, and a command does not inherit what puts a program under it.
"""

from __future__ import annotations

import base64
import http.client
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from wflo_otel.core.policy import Notify
from wflo_otel.telemetry.notices.notice import Notice
from wflo_otel.telemetry.notices.outbox import Channel, DeliveryError

#: How long a webhook or a command may take, in seconds.
TIMEOUT_S: Final = 5.0

#: What ``wflo run`` puts on a program's path.
_HOOK = Path(__file__).resolve().parents[2] / "bootstrap" / "hook"


def channels_of(notify: Notify) -> list[Channel]:
    """The ways that a policy names; a command first, for it does not wait for a network."""
    found: list[Channel] = []
    if notify.command:
        found.append(Command(notify.command))
    if notify.webhook is not None:
        found.append(Webhook(notify.webhook))
    return found


class Webhook:
    """Posts a notice as JSON. Redirects are not followed; a proxy of the environment is used.

    Args:
        url: where to; a name and a password in it become basic authentication.
        timeout_s: how long the server may keep silent.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        address = parts.netloc.rpartition("@")[2]
        self.name = f"the webhook at {parts.scheme}://{address}"
        self._url = parts._replace(netloc=address, fragment="").geturl()
        self._headers = {"Content-Type": "application/json", "User-Agent": "wflo"}
        if parts.username is not None:
            self._headers["Authorization"] = _basic(parts)
        self._timeout_s = timeout_s

    def deliver(self, notice: Notice) -> None:
        """Post it."""
        request = urllib.request.Request(  # noqa: S310  # the policy allows http(s) only
            self._url, notice.as_json(), self._headers, method="POST"
        )
        opener = urllib.request.build_opener(_StaysThere)
        try:
            opener.open(request, timeout=self._timeout_s).close()
        except urllib.error.HTTPError as error:
            error.close()
            raise DeliveryError(f"HTTP {error.code}") from None
        except urllib.error.URLError as error:
            raise DeliveryError(type(error.reason).__name__) from None
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError(type(error).__name__) from None

    def abandon(self) -> None:
        """Nothing is left behind by a request that nobody waits for."""


class _StaysThere(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the failure that it is here."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _basic(parts: SplitResult) -> str:
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


class Command:
    """Starts a program for a notice, without a shell, and gives it JSON on standard input.

    Args:
        words: the program and its arguments; the event's name is added.
        timeout_s: how long it may take; then it is killed, with all that it has started.
    """

    def __init__(self, words: tuple[str, ...], timeout_s: float = TIMEOUT_S) -> None:
        self.name = f"the command {words[0]!r}"
        self._words = words
        self._timeout_s = timeout_s
        self._running: subprocess.Popen[bytes] | None = None

    def deliver(self, notice: Notice) -> None:
        """Run it to its end."""
        try:
            process = self._running = self._start(notice)
        except (OSError, ValueError) as error:
            raise DeliveryError(type(error).__name__) from None
        try:
            process.communicate(notice.as_json(), timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise DeliveryError(f"took more than {self._timeout_s:g} s") from None
        finally:
            self._running = None
        if process.returncode:
            raise DeliveryError(f"exit code {process.returncode}")

    def _start(self, notice: Notice) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # the user's own command, and no shell
            [*self._words, notice.event],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=plain_environment(os.environ),
            start_new_session=True,
        )

    def abandon(self) -> None:
        """Kill what runs."""
        if (process := self._running) is not None:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would put a program under the guard, in the same run."""
    plain = {name: value for name, value in environ.items() if not name.startswith("WFLO_")}
    path = plain.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in path if entry != str(_HOOK)]
    if any(kept):
        plain["PYTHONPATH"] = os.pathsep.join(kept)
    return plain
