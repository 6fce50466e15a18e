"""A probe must reach nothing but loopback, whatever the SDK in it would like to fetch.

The rule: what is refused is an ``OSError``, which an SDK meets every day. What opens sockets past
the interpreter (gRPC's own code) is not seen; a probe of such a thing must not leave by itself.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from contextlib import suppress

_NAMES = frozenset({"localhost", "localhost.localdomain", ""})
#: Events that look a name up, and where in them the name stands.
_LOOKUPS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


def stay_on_loopback() -> None:
    """Refuse every other address from now on, until this process ends."""
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[object, ...]) -> None:
    if event in _LOOKUPS:
        _check(args[_LOOKUPS[event]])
    elif event in _SENDS:
        sender, address = args[0], args[-1]
        if getattr(sender, "family", None) != getattr(socket, "AF_UNIX", None):
            _check(address[0] if isinstance(address, tuple) else address)


def _check(host: object) -> None:
    if not is_loopback(host):
        raise PermissionError(f"a probe may not reach {host!r}: it stays on loopback")


def is_loopback(host: object) -> bool:
    """Whether a host, as sockets are given one, is this machine."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None:  # any address, to listen on; or a socket that is connected already
        return True
    if not isinstance(name, str):
        return False
    with suppress(ValueError):
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    return name.lower().rstrip(".") in _NAMES
