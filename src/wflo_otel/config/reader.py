"""A tree to a policy: which keys may stand where, and what is wrong with those that do not.

Reading never stops at a problem; whoever calls raises what was found once all is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from wflo_otel.config import options, values
from wflo_otel.config.components import component_key
from wflo_otel.config.options import Option
from wflo_otel.config.problems import Problems, dotted, nearest, shown
from wflo_otel.config.tree import Items, Table, Text, Tree
from wflo_otel.core.policy import (
    After,
    Breaker,
    Budget,
    Budgets,
    Checkpoints,
    Loops,
    Notify,
    Policy,
    PriceOverride,
    Prices,
    Retry,
)
from wflo_otel.core.retry import checked
from wflo_otel.errors import ConfigError

#: Reads one value at a path. After a problem what it gives is of no use, and not used.
Read: TypeAlias = Callable[[Tree, str], Any]


def read_policy(root: Tree, problems: Problems) -> Policy:
    """Read a whole file. Check ``problems`` before using what is returned."""
    if not _is_readable(root, problems):
        return Policy()
    reader = _Reader(problems)
    sections: dict[str, Read] = {
        "version": lambda _tree, _path: None,
        **reader.options(options.POLICY),
        "budgets": reader.budgets,
        "breakers": reader.breakers,
        "retries": reader.retries,
        "loops": reader.loops,
        "checkpoints": reader.checkpoints,
        "prices": reader.prices,
        "notify": reader.notify,
    }
    found = reader.keys(root, "", sections, later=options.LATER_SECTIONS) or {}
    found.pop("version", None)
    return Policy(**found) if not problems else Policy()


def _is_readable(root: Tree, problems: Problems) -> bool:
    """Whether it is of a version we know; the keys of another one are not ours to judge."""
    if not isinstance(root, Table):
        problems.add(root.line, "", f"{root} stands where the keys of a policy are expected")
        return False
    known = ", ".join(map(str, options.VERSIONS))
    written = next((value for key, value in root.entries if key.text == "version"), None)
    if written is None:
        problems.add(root.line, "version", f"is missing (add `version: {options.VERSIONS[-1]}`)")
        return False
    is_known = isinstance(written, Text) and written.tag == "int"
    if is_known and isinstance(written, Text) and written.text in map(str, options.VERSIONS):
        return True
    name = shown(written.text) if isinstance(written, Text) else str(written)
    problems.add(
        written.line, "version", f"{name} is unknown to this release (it knows the number {known})"
    )
    return False


class _Reader:
    """Reads the parts of a policy and notes their problems."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def keys(
        self, tree: Tree, path: str, readers: Mapping[str, Read], later: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        """Read the keys of a mapping; ``None`` where it is none."""
        if not isinstance(tree, Table):
            expected = _some(readers)
            self._problems.add(tree.line, path, f"{tree} stands where keys such as {expected} are")
            return None
        found: dict[str, Any] = {}
        for key, value in tree.entries:
            inner = dotted(path, key.text)
            if (read := readers.get(key.text)) is not None:
                found[key.text] = read(value, inner)
            else:
                self._problems.add(key.line, inner, _unknown(key.text, readers, later))
        return found

    def named(self, read: Read, tree: Tree, path: str) -> dict[str, Any]:
        """Read a mapping whose keys are names."""
        if not isinstance(tree, Table):
            self._problems.add(tree.line, path, f"{tree} stands where names are")
            return {}
        return {key.text: read(value, dotted(path, key.text)) for key, value in tree.entries}

    def options(self, known: Sequence[Option]) -> dict[str, Read]:
        """Give the readers of these options."""
        return {option.key: partial(self.value, option.kind) for option in known}

    def value(self, kind: values.Kind, tree: Tree, path: str) -> object:
        """Read a single value."""
        if not isinstance(tree, Text):
            self._problems.add(tree.line, path, f"{tree} stands where one value is: {kind.name}")
            return None
        if tree.tag == "null":
            self._problems.add(tree.line, path, f"is empty (write its {kind.name}, or no key)")
            return None
        try:
            return kind.read(tree)
        except ValueError as problem:
            self._problems.add(tree.line, path, str(problem))
            return None

    def budgets(self, tree: Tree, path: str) -> Budgets | None:
        """Read the section of this name."""
        readers: dict[str, Read] = {
            name: partial(self.named, partial(self.budget, name))
            for name in options.BUDGET_SECTIONS
        }
        readers["run"] = partial(self.budget, "run")
        found = self.keys(tree, path, readers)
        return None if found is None else Budgets(**found)

    def budget(self, section: str, tree: Tree, path: str) -> Budget | None:
        """Read one budget: its options, or an amount in US dollars alone."""
        if isinstance(tree, Text):
            usd = self.value(values.AMOUNT, tree, path)
            return Budget(usd=usd) if isinstance(usd, int) else None
        readers = self.options(options.BUDGET)
        if section not in options.WINDOW_SECTIONS:
            readers.update(dict.fromkeys(options.WINDOW_OPTIONS, self._windowless))
        found = self.keys(tree, path, readers, later=options.LATER_BUDGET_OPTIONS)
        if found is None:
            return None
        # Where a key was not understood, it may have been the limit.
        is_understood = isinstance(tree, Table) and len(found) == len(tree.entries)
        if is_understood and not any(limit in found for limit in options.LIMITS):
            self._problems.add(tree.line, path, "limits nothing (write usd, tokens or calls)")
        if "timezone" in found and "per" not in found:
            self._problems.add(tree.line, path, "timezone means nothing without per")
        return Budget(**found)

    def _windowless(self, tree: Tree, path: str) -> None:
        where = " and ".join(f"budgets.{name}" for name in sorted(options.WINDOW_SECTIONS))
        self._problems.add(tree.line, path, f"a window is for {where} only (here: the whole run)")

    def breakers(self, tree: Tree, path: str) -> dict[str, Breaker]:
        """Read the section of this name; each component once."""
        found: dict[str, Breaker] = {}
        for name, breaker in self.named(self.breaker, tree, path).items():
            try:
                key = component_key(name)
            except ValueError as problem:
                self._problems.add(tree.line, dotted(path, name), str(problem))
                continue
            if key in found:
                self._problems.add(tree.line, dotted(path, name), f"is {key} again (write one)")
            found[key] = breaker
        return found

    def breaker(self, tree: Tree, path: str) -> Breaker | None:
        """Read one breaker."""
        found = self.keys(tree, path, self.options(options.BREAKER))
        return None if found is None or self._problems else Breaker(**found)

    def retries(self, tree: Tree, path: str) -> Retry | None:
        """Read the section of this name."""
        found = self.keys(tree, path, self.options(options.RETRY))
        if found is None or self._problems:
            return None
        try:
            return checked(Retry(**found), path)
        except ConfigError as problem:
            self._problems.add(tree.line, path, str(problem).removeprefix(f"{path}: "))
            return None

    def loops(self, tree: Tree, path: str) -> Loops | None:
        """Read the section of this name."""
        found = self.keys(tree, path, self.options(options.LOOPS))
        return None if found is None or self._problems else Loops(**found)

    def checkpoints(self, tree: Tree, path: str) -> Checkpoints | None:
        """Read the section of this name."""
        readers = self.options(options.CHECKPOINTS)
        readers["after"] = self.after
        found = self.keys(tree, path, readers)
        return None if found is None else Checkpoints(**found)

    def after(self, tree: Tree, path: str) -> tuple[object, ...] | None:
        """Read what checkpoints are saved after."""
        if not isinstance(tree, Items):
            self._problems.add(tree.line, path, f"{tree} stands where a list is (write [agent])")
            return None
        return self._each(values.choice(After), tree, path)

    def prices(self, tree: Tree, path: str) -> Prices | None:
        """Read the section of this name."""
        readers: dict[str, Read] = {
            **self.options(options.PRICES),
            "overrides": partial(self.named, self.price),
            "aliases": self.aliases,
            "fallback": self.price,
        }
        found = self.keys(tree, path, readers)
        return None if found is None else Prices(**found)

    def price(self, tree: Tree, path: str) -> PriceOverride | None:
        """Read one price."""
        found = self.keys(tree, path, self.options(options.PRICE))
        if found is None:
            return None
        missing = [each.key for each in options.PRICE if each.required and each.key not in found]
        for key in missing:
            self._problems.add(tree.line, dotted(path, key), "is missing (write 0 if it is free)")
        if missing:
            return None
        fields = {option.key: option.field for option in options.PRICE}
        return PriceOverride(**{fields[key]: value for key, value in found.items()})

    def notify(self, tree: Tree, path: str) -> Notify | None:
        """Read the section of this name."""
        readers = {**self.options(options.NOTIFY), "command": self.command}
        found = self.keys(tree, path, readers)
        if found is None:
            return None
        if not found:
            self._problems.add(tree.line, path, "tells nobody (write webhook or command)")
        return Notify(**found)

    def command(self, tree: Tree, path: str) -> tuple[object, ...] | None:
        """Read a program and its arguments."""
        if not isinstance(tree, Items) or not tree.items:
            message = f"{tree} stands where a program and its arguments are (write [notify, now])"
            self._problems.add(tree.line, path, message)
            return None
        words = self._each(values.WORD, tree, path)
        if words[0] == "":
            self._problems.add(tree.line, path, "begins with no program")
        return words

    def _each(self, kind: values.Kind, tree: Items, path: str) -> tuple[object, ...]:
        return tuple(
            self.value(kind, item, dotted(path, str(number)))
            for number, item in enumerate(tree.items)
        )

    def aliases(self, tree: Tree, path: str) -> dict[str, str]:
        """Read other names of models; none may lead back to itself."""
        found = self.named(partial(self.value, values.NAME), tree, path)
        for alias in found:
            if _leads_back(alias, found):
                message = "is an alias of itself (name a model that has a price)"
                self._problems.add(tree.line, dotted(path, alias), message)
        return found


def _leads_back(alias: str, aliases: Mapping[str, str]) -> bool:
    name = aliases[alias]
    for _ in aliases:
        if name == alias:
            return True
        if name not in aliases:
            return False
        name = aliases[name]
    return False


def _unknown(key: str, known: Iterable[str], later: Iterable[str]) -> str:
    if key in later:
        return "not in this release (leave it out)"
    meant = nearest(key, known)
    return "unknown key " + (f"(did you mean {meant}?)" if meant else f"(known: {_some(known)})")


def _some(keys: Iterable[str]) -> str:
    return ", ".join(keys)
