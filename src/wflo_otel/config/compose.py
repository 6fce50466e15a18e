"""Text to a tree of what was written: the only module that knows YAML.

It is imported with the first policy file, for a program that has none need not load a parser.
Nothing is constructed from tags, and nothing here can be made to take much time or memory:
the size, the depth and the number of values are bounded, those that aliases repeat included.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from wflo_otel.config.problems import Problems, dotted
from wflo_otel.config.tree import MAX_CHARACTERS, Items, Table, Text, Tree

MAX_DEPTH = 16
MAX_VALUES = 10_000

_TAG_PREFIX = "tag:yaml.org,2002:"
_TAGS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "value", "map", "seq"})


def compose(text: str, problems: Problems) -> Tree:
    """Read YAML (JSON is YAML too).

    Raises:
        PolicyFileError: it is no YAML, or is too large, too deep or has too many values.
    """
    if len(text) > MAX_CHARACTERS:
        problems.add(1, "", "is larger than 1 MiB")
        raise problems.error()
    node = _node(text, problems)
    if node is None:
        return Table((), 1)
    return _Converter(problems).convert(node, "", 1, 0)


def _node(text: str, problems: Problems) -> yaml.Node | None:
    loader: _BoundedLoader | None = None
    try:
        loader = _BoundedLoader(text)
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = f"U+{error.character:04X}"
        problems.add(line, "", f"the character {code} does not belong in YAML")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problems.add(line, "", f"cannot be read: {_reason(error)}")
    except (ValueError, OverflowError):
        # Escapes and version numbers beyond what Python can hold.
        line = loader.line + 1 if loader else 1
        problems.add(line, "", "cannot be read: a number or an escape is out of range")
    raise problems.error()


def _reason(error: yaml.MarkedYAMLError) -> str:
    reason = error.problem or error.context or "it cannot be read"
    return f"{reason} (indent with spaces)" if r"'\t'" in reason else reason


class _BoundedLoader(yaml.SafeLoader):
    """Composes as PyYAML does, but nothing deeper or longer than a policy can be."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH:
            raise self._beyond(f"nested deeper than {MAX_DEPTH} levels")
        # A key and its value are two nodes.
        if self.nodes > 2 * MAX_VALUES:
            raise self._beyond(f"has more than {MAX_VALUES:,} values")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _beyond(self, problem: str) -> yaml.MarkedYAMLError:
        return yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())


class _Converter:
    """Turns PyYAML's nodes into ours, aliases written out."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._values = 0

    def convert(self, node: yaml.Node, path: str, line: int, depth: int) -> Tree:
        """``line`` is that of the key: a block below it begins on the next one."""
        self._count(node, depth)
        tag = node.tag.removeprefix(_TAG_PREFIX)
        if tag not in _TAGS:
            self._problems.add(_line(node), path, "tags (such as !name) are not read here")
            return Text("", _line(node))
        if isinstance(node, yaml.ScalarNode):
            return self._text(node, path, tag)
        if isinstance(node, yaml.MappingNode):
            return Table(self._entries(node, path, depth), line)
        assert isinstance(node, yaml.SequenceNode)  # noqa: S101  # there is no other kind
        return Items(tuple(self._items(node, path, depth)), _line(node))

    def _count(self, node: yaml.Node, depth: int) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            self._problems.add(
                _line(node), "", f"cannot be read: has more than {MAX_VALUES:,} values"
            )
        elif depth > MAX_DEPTH:
            self._problems.add(_line(node), "", "cannot be read: a value contains itself")
        else:
            return
        raise self._problems.error()

    def _text(self, node: yaml.ScalarNode, path: str, tag: str) -> Text:
        if any("\ud800" <= character <= "\udfff" for character in node.value):
            self._problems.add(_line(node), path, "half of a surrogate pair is not a character")
            return Text("", _line(node))
        return Text(node.value, _line(node), tag)

    def _entries(
        self, node: yaml.MappingNode, path: str, depth: int
    ) -> tuple[tuple[Text, Tree], ...]:
        entries: dict[str, tuple[Text, Tree]] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            inner = dotted(path, key.text)
            if key.text in entries:
                first = entries[key.text][0].line
                self._problems.add(key.line, inner, f"is written twice (first on line {first})")
                continue
            entries[key.text] = key, self.convert(value_node, inner, key.line, depth + 1)
        return tuple(entries.values())

    def _items(self, node: yaml.SequenceNode, path: str, depth: int) -> Iterator[Tree]:
        for number, item in enumerate(node.value):
            yield self.convert(item, dotted(path, str(number)), _line(item), depth + 1)

    def _key(self, node: yaml.Node, path: str) -> Text | None:
        if not isinstance(node, yaml.ScalarNode):
            self._problems.add(_line(node), path, "a key must be a single word")
            return None
        if node.tag == f"{_TAG_PREFIX}merge":
            message = "<< is not read here (write the keys out)"
            self._problems.add(_line(node), path, message)
            return None
        if not node.value.strip():
            self._problems.add(_line(node), path, "a key is empty")
            return None
        return self._text(node, path, "str")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
