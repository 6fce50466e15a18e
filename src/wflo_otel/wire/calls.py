"""Tool calls, put together from the pieces they come in."""

from __future__ import annotations

from wflo_otel.core.call import ToolCall

#: More calls, and more characters of arguments, than this are not remembered. (Still counted.)
MAX_CALLS = 1024
MAX_ARGUMENT_CHARS = 1024 * 1024
MAX_NAME_CHARS = 512


class CallPieces:
    """Collects tool calls by a key, in the order they begin. Bounded."""

    def __init__(self) -> None:
        self._names: dict[object, tuple[str, str]] = {}
        self._arguments: dict[object, list[str]] = {}
        self._room = MAX_ARGUMENT_CHARS

    def begin(self, key: object, call_id: str | None, name: str | None) -> None:
        """Note a call's id and name; either may come first, or again."""
        known = self._names.get(key)
        if known is None:
            if len(self._names) >= MAX_CALLS:
                return
            known = ("", "")
        given = ((call_id or "")[:MAX_NAME_CHARS], (name or "")[:MAX_NAME_CHARS])
        self._names[key] = (known[0] or given[0], known[1] or given[1])

    def more(self, key: object, arguments: str) -> None:
        """Add a piece of a call's arguments."""
        piece = arguments[: self._room]
        if key not in self._names or not piece:
            return
        self._room -= len(piece)
        self._arguments.setdefault(key, []).append(piece)

    def replace(self, key: object, call_id: str | None, name: str | None, arguments: str) -> None:
        """Note a call that is complete, in place of what was known of it."""
        self.begin(key, call_id, name)
        for piece in self._arguments.pop(key, ()):
            self._room += len(piece)
        self.more(key, arguments)

    def result(self) -> tuple[ToolCall, ...]:
        """The calls that have a name."""
        return tuple(
            ToolCall(call_id, name, "".join(self._arguments.get(key, ())))
            for key, (call_id, name) in self._names.items()
            if name
        )
