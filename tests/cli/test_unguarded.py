"""Model calls over clients that are not guarded are named when the process ends."""

from __future__ import annotations

import pytest

PLAIN = ("--no-live", "--budget", "1")
STRICT = (*PLAIN, "--strict")
NAMED = "wflo: NOT counted and NOT refused: "

ASK = """
import os, requests

def ask():
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Why?"}]}
    return requests.post(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json=body)

"""
TWICE = ASK + "print(ask().status_code, ask().status_code)"
DECORATED = (
    ASK
    + """
import wflo_otel as wflo

@wflo.track_llm_call(model="gpt-4o")
def tracked():
    return ask().json()

print(tracked()['model'])
"""
)
ELSEWHERE = """
import os, requests
print(requests.get(os.environ["OPENAI_BASE_URL"] + "/models").status_code > 0)
"""
BEDROCK = """
import os, boto3
os.environ.update(AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", AWS_DEFAULT_REGION="us-east-1")
client = boto3.client("bedrock-runtime", endpoint_url=os.environ["ANTHROPIC_BASE_URL"])
asked = [{"role": "user", "content": [{"text": "Why?"}]}]
client.converse(modelId="amazon.nova-lite-v1:0", messages=asked, inferenceConfig={"maxTokens": 9})
"""
UNSEEN = "import sys; sys.path.insert(0, '.'); import pycurl; print('started')"


def test_a_call_over_requests_is_named_at_the_end(rig):
    ran = rig.run("-c", TWICE, options=PLAIN)

    assert ran.out == "200 200\n", ran.err
    (line,) = [each for each in ran.err.splitlines() if each.startswith(NAMED)]
    assert "a model was called at 127.0.0.1 over urllib3 or requests (2 times)" in line
    assert "@wflo.track_llm_call" in line


def test_strict_refuses_it_before_it_leaves(rig, wflo_provider):
    ran = rig.run("-c", TWICE, options=STRICT)

    assert ran.code == 1
    assert "--strict allows nothing that is not guarded" in ran.err
    assert wflo_provider.bill.requests == 0


@pytest.mark.parametrize("options", [PLAIN, STRICT])
@pytest.mark.parametrize("code", [DECORATED, ELSEWHERE, BEDROCK])
def test_what_is_counted_or_calls_no_model_is_not_named(rig, options, code):
    ran = rig.run("-c", code, options=options)

    assert ran.code == 0, ran.err
    assert NAMED not in ran.err


def test_a_library_whose_calls_cannot_be_seen_is_named_where_it_is_loaded(rig):
    (rig.folder / "pycurl.py").write_text("")

    ran = rig.run("-c", UNSEEN, options=PLAIN)

    assert (ran.code, ran.lines) == (0, ["started"])
    assert f"{NAMED}pycurl is loaded (" in ran.err


def test_strict_refuses_to_load_it(rig):
    (rig.folder / "pycurl.py").write_text("")

    ran = rig.run("-c", UNSEEN, options=STRICT)

    assert (ran.code, ran.out) == (1, "")
    assert "pycurl is loaded, and --strict allows nothing that is not guarded" in ran.err
