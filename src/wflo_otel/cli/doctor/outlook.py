"""What calls are measured with and where telemetry goes, and which clients nobody sees.

The rule: nothing is sent. A collector is known to be there by a connection that is closed again.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from wflo_otel.cli.doctor.findings import Finding, Level
from wflo_otel.cli.ending import spans_went, without_secret
from wflo_otel.errors import ConfigError
from wflo_otel.metering.ranks import KNOWN, on_disk
from wflo_otel.telemetry.exporters import Signal, endpoint, protocol, wanted
from wflo_otel.telemetry.semconv.instruments import profile_of

#: Distributions that send requests past every seam.
_UNSEEN = ("grpcio", "pycurl", "requests", "websocket-client", "websockets")
_PATIENCE_S = 1.0
#: Where OTLP goes without an endpoint, and the ports of addresses that name none.
_DEFAULT = {"grpc": "http://localhost:4317", "http/protobuf": "http://localhost:4318"}
_PORTS = {"https": 443}


def metering() -> list[Finding]:
    """Say what tokens and prices come from."""
    there = on_disk()
    tokens = Finding("tokens", Level.OK, f"counted by tiktoken for OpenAI: {', '.join(there)}")
    if len(there) < len(KNOWN):
        missing = next(each for each in KNOWN if each not in there)
        tokens = Finding(
            "tokens",
            Level.NOTE,
            f"tiktoken's {missing} is not on this disk: what is sent to OpenAI is estimated from "
            "its characters until the answer says what it was",
            f"tiktoken.get_encoding({missing!r}) fetches it, once",
        )
    catalogue = version("genai-prices")
    prices = f"genai-prices {catalogue}; it has no date: a newer one has newer prices"
    return [tokens, Finding("prices", Level.OK, prices)]


def telemetry(environ: Mapping[str, str]) -> list[Finding]:
    """Say which names are used, and whether somebody listens where telemetry is sent."""
    names = Finding("names", Level.OK, f"GenAI conventions: {profile_of(environ).value}")
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return [names, Finding("otlp", Level.NOTE, spans_went(environ))]
    try:
        urls = _endpoints(environ)
    except ConfigError as error:
        return [names, Finding("otlp", Level.PROBLEM, str(error))]
    if not urls:
        return [names, Finding("otlp", Level.NOTE, spans_went(environ))]
    return [names, *map(_connected, urls)]


def _endpoints(environ: Mapping[str, str]) -> Iterable[str]:
    """Where the signals go, each place once."""
    sent = [signal for signal in Signal if "otlp" in wanted(signal, environ)]
    found = (endpoint(each, environ) or _DEFAULT[protocol(each, environ)] for each in sent)
    return dict.fromkeys(found)


def _connected(url: str) -> Finding:
    said = without_secret(url)
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        port = parts.port or _PORTS.get(parts.scheme, 80)
        socket.create_connection((parts.hostname or "", port), _PATIENCE_S).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        todo = "telemetry is lost until a collector listens there; decisions do not need it"
        return Finding("otlp", Level.PROBLEM, f"{said}: {reason}", todo)
    return Finding("otlp", Level.OK, f"{said}: somebody listens")


def unseen() -> list[Finding]:
    """Name the clients that are installed here and send past every seam."""
    there = [each for each in _UNSEEN if _is_installed(each)]
    if not there:
        return []
    says = f"calls that a program makes itself through {', '.join(there)} are not seen"
    todo = "put @track_llm_call on the functions that make them"
    return [Finding("unseen", Level.NOTE, says, todo)]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
