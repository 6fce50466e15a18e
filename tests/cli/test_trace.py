"""One trace for one run, where spans are exported."""

import json

import pytest

from cli_rig import PROGRAMS
from wflo_otel.cli.launch import Options, prepare
from wflo_otel.cli.trace import run_span

CHILDREN = str(PROGRAMS / "children.py")


def spans_in(text):
    """The spans that OpenTelemetry's console exporter wrote."""
    decoder, found, at = json.JSONDecoder(), [], text.find("{")
    while at != -1:
        try:
            span, length = decoder.raw_decode(text[at:])
        except json.JSONDecodeError:
            length = 1
        else:
            found.append(span)
        at = text.find("{", at + length)
    return [each for each in found if "parent_id" in each]


@pytest.mark.parametrize("kind", ["subprocess", "spawn", "threads"])
def test_everything_that_a_run_does_is_one_trace(rig, kind):
    ran = rig.run(CHILDREN, kind, OTEL_TRACES_EXPORTER="console")

    assert ran.code == 0, ran.err
    assert len(rig.reports()[0]["trace_ids"]) == 1
    spans = spans_in(ran.out)
    roots = [each["name"] for each in spans if each["parent_id"] is None]
    assert roots == ["invoke_workflow children"]
    assert sum(each["name"] == "chat gpt-4o" for each in spans) == 2


def test_a_trace_that_is_there_already_is_continued(rig):
    outer = "0af7651916cd43dd8448eb211c80319c"

    rig.run(
        CHILDREN,
        "once",
        OTEL_TRACES_EXPORTER="console",
        TRACEPARENT=f"00-{outer}-b7ad6b7169203331-01",
    )

    assert rig.reports()[0]["trace_ids"] == [outer]


def test_a_sampler_decides_for_the_whole_run(rig):
    ran = rig.run(
        CHILDREN, "once", OTEL_TRACES_EXPORTER="console", OTEL_TRACES_SAMPLER="always_off"
    )

    assert spans_in(ran.out) == []
    assert rig.reports()[0]["calls"] == 1


def test_a_failed_program_is_a_failed_span(rig):
    ran = rig.run("-c", "raise SystemExit(3)", OTEL_TRACES_EXPORTER="console")

    (span,) = spans_in(ran.out)
    assert span["status"]["status_code"] == "ERROR"
    assert span["attributes"]["error.type"] == "exit_3"


@pytest.mark.parametrize(
    "environ", [{}, {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}]
)
def test_where_nothing_is_exported_there_is_no_span_around_the_run(environ, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    launch = prepare(["python", "agent.py"], Options(), environ)

    with run_span(launch) as span:
        assert span.environ == {}
