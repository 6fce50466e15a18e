"""Results of batches: each answer is charged once, to whoever fetches it, at a batch's price."""

import pytest

import wflo_otel as wflo
from http_libraries import BODY, LIBRARIES, each_library
from wiring import guarded

MESSAGE = {**BODY, "model": "claude-haiku-4-5"}


def handed_in(rig, client, api):
    """Hand in a batch of three; return where its results lie."""
    if api == "openai":
        url, asked = f"{rig.provider.openai_url}/batches", "body"
    else:
        url, asked = f"{rig.provider.anthropic_url}/v1/messages/batches", "params"
    body = BODY if api == "openai" else MESSAGE
    lines = [{"custom_id": str(each), asked: body} for each in range(3)]
    made = client.post(url, json={"requests": lines}).json()
    if api == "openai":
        return f"{rig.provider.openai_url}/files/{made['output_file_id']}/content"
    return f"{url}/{made['id']}/results"


each_api = pytest.mark.parametrize("api", ["openai", "anthropic"])


@each_api
@each_library
def test_the_results_of_a_batch_cost_what_the_provider_bills(library, api):
    with guarded() as rig, library.Client() as client:
        answer = client.get(handed_in(rig, client, api))
        assert answer.text.count("\n") == 3
        assert rig.billed_usd > 0
        assert len(rig.records) == 3
        rig.assert_settled()


@each_api
def test_results_that_are_fetched_again_are_not_charged_again(api):
    library = LIBRARIES[0]
    with guarded() as rig, library.Client() as client:
        where = handed_in(rig, client, api)
        for _ in range(3):
            client.get(where)
        assert rig.ledger.settled.calls == 3
        rig.assert_settled()


def test_handing_a_batch_in_costs_nothing():
    library = LIBRARIES[0]
    with guarded() as rig, library.Client() as client:
        handed_in(rig, client, "openai")
        assert rig.records == []


def test_results_are_charged_to_the_agent_that_fetches_them():
    library = LIBRARIES[0]
    with guarded() as rig, library.Client() as client:
        where = handed_in(rig, client, "openai")

        @wflo.track_agent_cost(agent_name="reader")
        def read():
            client.get(where)

        read()
        assert {each.caller.agent for each in rig.records} == {"reader"}


def test_two_batches_with_the_same_names_inside_are_both_charged():
    library = LIBRARIES[0]
    with guarded() as rig, library.Client() as client:
        for _ in range(2):
            client.get(handed_in(rig, client, "anthropic"))
        assert len(rig.records) == 6
        rig.assert_settled()
