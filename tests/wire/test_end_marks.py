"""An end mark ends whatever answer is being read, wherever a gateway sends one."""

from __future__ import annotations

import pytest

from wflo_otel.wire.bedrock_answer import ConverseFold
from wflo_otel.wire.bedrock_invoke_answer import InvokeFold, PlainFold
from wflo_otel.wire.cohere_answer import CohereFold
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.gemini_answer import ContentFold
from wflo_otel.wire.gemini_interactions import InteractionFold
from wflo_otel.wire.ollama import OllamaFold
from wflo_otel.wire.openai_media import MediaFold
from wflo_otel.wire.sse import Fold
from wflo_otel.wire.vertex_predict import PredictionsFold

FOLDS = [
    *(ConverseFold(), PlainFold(), OllamaFold(), PredictionsFold()),
    *(
        fold(Dialect())
        for fold in (InvokeFold, CohereFold, ContentFold, InteractionFold, MediaFold)
    ),
]


@pytest.mark.parametrize("fold", FOLDS, ids=lambda fold: type(fold).__name__)
def test_an_end_mark_ends_an_answer(fold: Fold) -> None:
    assert not fold.result().complete
    fold.done()
    assert fold.result().complete
