"""The guard is laid on both libraries, now or when they are imported, and lifted again."""

import subprocess
import sys
import textwrap
import warnings
from types import ModuleType

import pytest
from opentelemetry.instrumentation import httpx as instrumentation

from http_libraries import LIBRARIES, each_library
from wflo_otel.errors import ConfigError
from wflo_otel.seams import http
from wflo_otel.seams.http import installation
from wflo_otel.seams.http.patch import httpx_targets


@pytest.fixture(autouse=True)
def _not_installed():
    for name in ("HTTPXClientInstrumentor", "HTTPX2ClientInstrumentor"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(instrumentation, name)().uninstrument()
    http.uninstall()
    yield
    http.uninstall()


def methods(library):
    return [
        vars(library.Client)["_send_single_request"],
        vars(library.AsyncClient)["_send_single_request"],
        vars(library.HTTPTransport)["handle_request"],
        vars(library.AsyncHTTPTransport)["handle_async_request"],
    ]


@each_library
def test_it_says_what_it_guards(library):
    assert f"{library.__name__} {library.__version__}" in http.install()


@each_library
def test_lifting_it_puts_every_method_back(library):
    before = methods(library)
    http.install()
    assert all(now is not old for now, old in zip(methods(library), before, strict=True))
    http.uninstall()
    http.uninstall()
    assert methods(library) == before


@each_library
def test_it_is_laid_once_however_often_it_is_asked_for(library):
    http.install()
    once = methods(library)
    http.install()
    assert methods(library) == once


@each_library
def test_what_somebody_else_wrapped_since_is_left_and_not_wrapped_twice(library, monkeypatch):
    http.install()
    guarded = vars(library.HTTPTransport)["handle_request"]

    def theirs(self, request):
        return guarded(self, request)

    monkeypatch.setattr(library.HTTPTransport, "handle_request", theirs)
    http.uninstall()
    assert vars(library.HTTPTransport)["handle_request"] is theirs
    http.install()
    assert vars(library.HTTPTransport)["handle_request"] is theirs


def strange(client):
    """A library whose client is of another shape."""
    module = ModuleType("strange")
    for name in dir(LIBRARIES[0]):
        if not name.startswith("__"):
            setattr(module, name, getattr(LIBRARIES[0], name))
    module.Client = client
    module.__version__ = "9.9"
    return module


class Renamed:
    pass


class Changed:
    def _send_single_request(self, request, more):
        raise NotImplementedError


@pytest.mark.parametrize("client", [Renamed, Changed])
def test_a_library_of_another_shape_is_refused(client):
    http.install()
    with pytest.raises(ConfigError, match=r"strange 9\.9: .*refuse to start") as raised:
        installation._guard(httpx_targets, strange(client))
    assert client.__name__ in str(raised.value)


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_library_that_is_imported_later_is_guarded_then():
    assert (
        run(
            """
            import sys
            from wflo_otel.seams import http
            said = http.install()
            assert "httpx" not in sys.modules
            assert "httpx (when imported)" in said
            import httpx
            print(httpx.Client._send_single_request.__module__ == "httpx._client")
            print(httpx.Client.__dict__["_send_single_request"].__wrapped__ is not None)
            """
        )
        == "True\nTrue"
    )


def test_a_library_that_is_imported_after_lifting_is_left_alone():
    assert (
        run(
            """
            from wflo_otel.seams import http
            http.install()
            http.uninstall()
            import httpx
            print(hasattr(httpx.Client._send_single_request, "__wrapped__"))
            """
        )
        == "False"
    )


@pytest.mark.skipif(len(LIBRARIES) < 2, reason="needs httpx and httpx2")
def test_a_library_that_stands_for_both_is_wrapped_once():
    assert (
        run(
            """
            import httpx2
            httpx2.alias_httpx()
            import httpx
            from wflo_otel.seams import http
            print(sum(said.startswith("httpx") for said in http.install()))
            send = httpx.Client._send_single_request
            print(hasattr(send.__wrapped__, "__wrapped__"))
            """
        )
        == "1\nFalse"
    )


def test_a_library_that_another_thread_is_importing_is_guarded_when_it_is_there(tmp_path):
    (tmp_path / "slow_import.py").write_text("import time; time.sleep(0.3)\n")
    assert (
        run(
            f"""
            import sys, threading, time
            from wflo_otel.seams import http
            sys.path.insert(0, {str(tmp_path)!r})

            class Slow:
                def find_spec(self, name, path=None, target=None):
                    if name == "httpx._client":
                        import slow_import
                    return None

            sys.meta_path.insert(0, Slow())
            thread = threading.Thread(target=__import__, args=("httpx",))
            thread.start()
            while "httpx" not in sys.modules:
                time.sleep(0.001)
            print("httpx" in http.install()[0])
            """
        )
        == "True"
    )
