"""On a terminal: the live line stays at the bottom, and the program keeps the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pytest

from cli_rig import PYTHON, WFLO, program

ROWS, COLUMNS = 24, 100


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, rig, *words: str, **env: str) -> None:
        environ = {"TERM": "xterm-256color", **rig.environ, **env}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(rig.folder)
            size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.execve(words[0], list(words), environ)
        self.seen = ""

    def read_until(self, text: str, timeout_s: float = 30.0) -> str:
        end = time.monotonic() + timeout_s
        while text not in self.seen and time.monotonic() < end:
            if not self._read():
                break
        assert text in self.seen[-2000:]
        return self.seen

    def _read(self) -> bool:
        ready, _, _ = select.select([self.fd], [], [], 1.0)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux says EIO at the end
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def finish(self) -> int:
        while self._read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal(rig):
    def start(*words: str, **env: str) -> Terminal:
        return Terminal(rig, *WFLO, "run", "--budget", "1", "--", PYTHON, *words, **env)

    return start


def test_the_line_shows_spend_and_calls_and_goes_at_the_end(terminal):
    shown = terminal(program("hang.py"))

    shown.read_until("· 1 call")
    shown.type(b"\x03")
    code = shown.finish()

    assert code == 130
    assert f"\0337\033[1;{ROWS - 1}r\0338" in shown.seen
    assert re.search(r"\$0\.000\d+\S* of \$1\.00", shown.seen)
    assert f"\0337\033[r\033[{ROWS};1H\033[2K\0338" in shown.seen
    assert "wflo report" in shown.seen.rpartition("\033[r")[2]


def test_what_is_typed_interrupts_the_program_once(terminal):
    shown = terminal(program("interrupts.py"))

    shown.read_until("ready")
    shown.type(b"\x03")
    shown.finish()

    assert "interrupted 1 times" in shown.seen


def test_the_program_has_the_terminal(terminal):
    shown = terminal("-c", "import sys; print('tty', sys.stdout.isatty()); print(input('name? '))")

    shown.read_until("name? ")
    shown.type(b"Ann\n")
    shown.finish()

    assert "tty True" in shown.seen
    assert "\r\nAnn\r\n" in shown.seen


def test_no_color_leaves_no_colours(terminal):
    shown = terminal("-c", "print('hello')", NO_COLOR="1")
    shown.finish()

    assert not re.search(r"\033\[[0-9;]*3[0-7]m", shown.seen)


def test_a_dumb_terminal_gets_no_line(terminal):
    shown = terminal("-c", "print('hello')", TERM="dumb")
    shown.finish()

    assert "\0337" not in shown.seen


@pytest.mark.parametrize("has_terminal", [True, False])
def test_who_is_in_the_foreground_of_a_terminal_is_known(rig, has_terminal):
    code = "from wflo_otel.cli.supervise import _is_in_foreground as f; print('foreground', f())"
    if has_terminal:
        shown = Terminal(rig, PYTHON, "-c", code)
        shown.finish()
        said = shown.seen
    else:
        said = rig.call("setsid", "--wait", PYTHON, "-c", code).out

    assert f"foreground {has_terminal}" in said
