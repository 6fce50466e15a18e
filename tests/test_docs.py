"""What the documentation says is so: every snippet runs, every link leads somewhere.

How a page is followed is described in :mod:`page_reader`.
"""

from __future__ import annotations

import ast
import inspect
import re
import shlex

import click
import pytest

import wflo_otel
import wflo_otel.testing
from doc_pages import DOCS, LINKING, PAGES, ROOT, anchors, blocks, commands, links, prose
from page_reader import RUNNERS, reading
from wflo_otel.cli import main as cli
from wflo_otel.config import PolicyFileError, parse_policy
from wflo_otel.config.environment import VARIABLES

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture
def reader(tmp_path, monkeypatch, wflo_provider):
    with reading(tmp_path, wflo_provider, monkeypatch) as reader:
        yield reader


@by_page
def test_what_a_page_tells_to_do_does_what_it_says(page, reader):
    for block in blocks(page.read_text(encoding="utf-8")):
        reader.follow(block)


@by_page
def test_every_command_of_a_page_is_one_that_is_run_or_known(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for block in blocks(page.read_text(encoding="utf-8")):
        for command in commands(block) if block.language == "console" else ():
            words = [each for each in shlex.split(command.line) if not re.match(r"[A-Z_]+=", each)]
            if words[0] == "make":
                assert set(words[1:]) <= set(targets)
            elif words[0] == "pip":
                assert words[1] == "install"
                assert re.fullmatch(r"wflo-otel(\[langgraph\])?", words[2])
            else:
                assert words[0] in RUNNERS


@by_page
def test_every_policy_of_a_page_is_what_it_is_said_to_be(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language != "yaml" or "otel" in block.flags:  # OpenTelemetry's, no policy
            continue
        if "wrong" in block.flags:
            with pytest.raises(PolicyFileError):
                parse_policy(block.text)
        else:
            parse_policy(block.text)


@by_page
def test_blocks_have_a_language_and_python_compiles(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        assert block.language in {"python", "console", "yaml", "text", "json"}, block
        if block.language == "python":
            compile(block.text, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    for link in links(page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


@by_page
def test_prose_is_no_wider_than_a_hundred_columns(page):
    lines = prose(page.read_text(encoding="utf-8")).split("\n")
    wide = [line for line in lines if len(line) > 100 and not line.startswith(("|", "<!--"))]
    assert wide == []


def _walk(command: click.Command, words: tuple[str, ...]):
    yield words, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _walk(inner, (*words, name))


COMMANDS = [each for each in _walk(cli, ("wflo",)) if not isinstance(each[1], click.Group)]


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=lambda each: str(each)[:40])
def test_every_command_and_its_options_are_on_the_page(words, command):
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    _, heading, rest = page.partition(f"\n## `{' '.join(words)}`")
    assert heading, words
    section = rest.partition("\n## ")[0]
    for each in command.params:
        if isinstance(each, click.Option):
            assert each.opts[-1] in section


def _public():
    return [(name, getattr(wflo_otel, name)) for name in wflo_otel.__all__]


@pytest.mark.parametrize(("name", "found"), _public(), ids=lambda each: str(each)[:30])
def test_every_public_name_is_on_the_page_with_its_parameters(name, found):
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    sections = re.findall(rf"^### `{name}\b.*?(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    if inspect.isclass(found) and issubclass(found, Exception):
        assert f"`{name}`" in page
        return
    assert len(sections) == 1, name
    for parameter in inspect.signature(found).parameters:
        if parameter not in {"fn", "name", "state"}:
            assert f"`{parameter}`" in sections[0], parameter


def test_every_method_of_the_workflow_is_on_the_page():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    methods = [name for name in dir(wflo_otel.WfloWorkflow) if not name.startswith("_")]
    assert [name for name in methods if f"`{name}" not in page] == []


def test_every_name_for_tests_is_on_its_page():
    page = (DOCS / "testing.md").read_text(encoding="utf-8")
    names = [*wflo_otel.testing.__all__, "wflo_provider", "wflo_clock"]
    assert [name for name in names if f"`{name}" not in page] == []


def test_the_command_page_names_every_variable():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert [name for name in VARIABLES if f"`{name}`" not in page] == []


def test_the_front_page_leads_to_every_page_and_counts_what_is_tested():
    from sdk_paths import PATHS

    page = PAGES[0].read_text(encoding="utf-8")

    assert [each.name for each in PAGES[1:] if f"(docs/{each.name})" not in page] == []
    assert f"On {len(PATHS)} ways to call" in page
