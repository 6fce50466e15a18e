"""Text completions and embeddings."""

from __future__ import annotations

from typing import Any

import pytest

from wflo_otel.core.call import Operation
from wflo_otel.core.usage import Usage
from wire_fixtures import (
    COMPLETIONS,
    EMBEDDINGS,
    answered,
    asked,
    capped,
    read,
    route,
    usage_chunk,
    with_usage,
)

AZURE = "https://a.openai.azure.com/openai/deployments/ada/embeddings"


@pytest.mark.parametrize(
    ("request_", "choices", "chars", "texts"),
    [
        ({"prompt": "ab"}, 1, 2, ("ab",)),
        ({"prompt": "ab", "suffix": "c"}, 1, 3, ("ab", "c")),
        ({"prompt": ["ab", "cd"], "n": 3}, 6, 4, ("ab", "cd")),
        ({"prompt": "ab", "n": 2, "best_of": 5}, 5, 2, ("ab",)),
        ({"prompt": [1, 2, 3]}, 1, 18, ()),
        ({"prompt": [[1, 2], [3], "x"]}, 3, 19, ("x",)),
        ({"prompt": []}, 1, 0, ()),
        ({"prompt": ""}, 1, 0, ()),
        ({"prompt": None}, 1, 0, ()),
    ],
)
def test_each_prompt_and_candidate_is_a_choice(
    request_: dict[str, Any], choices: int, chars: int, texts: tuple[str, ...]
) -> None:
    ask = asked(COMPLETIONS, model="gpt-3.5-turbo-instruct", max_tokens=9, **request_)
    assert (ask.choices, ask.texts, ask.output_cap) == (choices, texts, 9)
    assert ask.operation is Operation.TEXT_COMPLETION
    if isinstance(request_["prompt"], list) or chars:
        assert ask.text_chars == chars


def test_a_completion_is_capped_by_max_tokens() -> None:
    request = {"model": "o1", "prompt": "x", "max_tokens": 900}
    assert capped(COMPLETIONS, 40, **request) == {**request, "max_tokens": 40}


def test_a_completion_stream_is_asked_for_usage() -> None:
    request = {"model": "gpt-3.5-turbo-instruct", "prompt": "x", "stream": True}
    assert with_usage(COMPLETIONS, **request) == {
        **request,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("url", [COMPLETIONS, EMBEDDINGS])
@pytest.mark.parametrize("body", [b'{"model":"x"}', b'{"input":"x","prompt":"x"}', b"[]"])
def test_a_body_without_model_or_content_is_of_neither(url: str, body: bytes) -> None:
    where = route(url)
    assert where.api.ask(where, body) is None


def test_a_completion_stream_is_read() -> None:
    def piece(text: str, reason: str | None = None) -> dict[str, Any]:
        return {
            "id": "cmpl-1",
            "model": "m",
            "choices": [{"index": 0, "text": text, "finish_reason": reason}],
        }

    answer, _ = read(
        COMPLETIONS, piece("ab"), piece("cd"), piece("", "stop"), usage_chunk(3, 2), "[DONE]"
    )
    assert (answer.usage, answer.output_chars, answer.output_chunks) == (Usage(3, 2), 4, 2)
    assert (answer.response_id, answer.finish_reasons, answer.complete) == (
        "cmpl-1",
        ("stop",),
        True,
    )


@pytest.mark.parametrize(
    ("given", "chars", "media"),
    [
        ("ab", 2, 0),
        (["ab", "cd"], 4, 0),
        ([1, 2], 12, 0),
        ([[1], [2, 3]], 18, 0),
        ([{"type": "text", "text": "ab"}, {"type": "image_url"}], 2, 1),
    ],
)
def test_the_input_of_an_embedding_is_measured(given: object, chars: int, media: int) -> None:
    ask = asked(EMBEDDINGS, model="text-embedding-3-small", input=given)
    assert (ask.operation, ask.text_chars, ask.media_parts) == (Operation.EMBEDDINGS, chars, media)
    assert (ask.choices, ask.output_cap, ask.messages) == (1, 0, 0)


def test_an_embedding_has_no_output_to_cap() -> None:
    assert capped(EMBEDDINGS, 5, model="m", input="x") is None
    assert with_usage(EMBEDDINGS, model="m", input="x", stream=True) is None


def test_an_azure_deployment_stands_for_the_embedding_model() -> None:
    assert asked(AZURE, input="x").model == "ada"


def test_embeddings_cost_their_input() -> None:
    answer = answered(EMBEDDINGS, object="list", data=[], model="ada", usage={"total_tokens": 7})
    assert (answer.usage, answer.model, answer.complete) == (Usage(7), "ada", True)


def test_an_answer_without_embeddings_is_not_complete() -> None:
    assert not answered(EMBEDDINGS, object="list").complete
