"""Token counts before the provider has told, and what earlier calls teach about them.

The rule here: ``expected`` is corrected both ways by what calls really used, ``upper`` only
upwards, for a budget rests on it. No network, no download; a lookup and some sums, and one
pass over the texts.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace

from wflo_otel.core.call import Ask, Operation
from wflo_otel.core.usage import Usage
from wflo_otel.core.value import value
from wflo_otel.metering.bounded import Recent
from wflo_otel.metering.families import JSON_CHARS, Family, family_of, longest_output
from wflo_otel.metering.outputs import Outputs
from wflo_otel.metering.ranks import Ranks
from wflo_otel.metering.scripts import Weight, weigh_all
from wflo_otel.ports import Estimate

#: By how much a part may exceed what is expected of it.
MARGIN = 1.5

#: The same for text that an exact tokenizer has counted.
EXACT_MARGIN = 1.03

#: What a request may hold beyond what is expected, in tokens: the frame of a mode (thinking,
#: an answer format) and, where there are tools, a longer hidden prompt than the usual one.
FRAME_MARGIN, TOOLS_MARGIN = 32, 256

#: Longer texts are weighed, not tokenized, in characters.
EXACT_UP_TO = 64_000

#: What an image, an audio or a file is expected to come to.
MEDIA_EXPECTED = 1_000

#: A history kept by the provider, or what its own tools bring in: before the first such call
#: has told its size, and from then on at least, in tokens.
HISTORY_UNSEEN, HISTORY_LEAST = 16_384, 4_096

#: No model reads more than this in one call.
LARGEST_CONTEXT = 2_000_000

#: How fast a correction follows: the weight of the newest call.
_FRESH = 0.2
_LOWEST, _HIGHEST = 0.2, 3.0

#: How fast the worst that was seen is forgotten, by each call that is better.
_FORGET = 0.05

#: From this size on, in tokens, a count tells of the text rather than of what is around it.
_LARGE = 256

#: By how much the next call may be worse than the worst.
_WORSE = 1.05


@value
class _Learned:
    """What calls with this model and these tools taught.

    Args:
        ratio: actual input by expected, as a moving average within bounds: it scales text.
        worst: the same of large inputs, at its worst; forgotten slowly.
        surplus: tokens beyond the upper bound, at their worst; forgotten slowly. A hidden
            prompt adds them whatever the size of the text.
        history: input and output of the largest call that built on hidden history.
    """

    ratio: float = 1.0
    worst: float = 0.0
    surplus: float = 0.0
    history: int = 0


_UNTAUGHT = _Learned()


class LearningEstimator:
    """A :class:`~wflo_otel.ports.TokenEstimator` on a table of families.

    Args:
        ranks: exact tokenizers, where there are any.
        capacity: how many models, pairs of model and tools, and pairs of model and agent are
            remembered.
    """

    def __init__(self, ranks: Ranks | None = None, capacity: int = 2048) -> None:
        self._ranks = ranks or Ranks()
        self._families: Recent[str, Family] = Recent(capacity)
        self._learned: Recent[tuple[str, str], _Learned] = Recent(capacity)
        self._counts: Recent[tuple[str, int, int], int] = Recent(2 * capacity)
        self._weights: Recent[tuple[int, int], Weight] = Recent(capacity)
        self._outputs = Outputs(capacity)
        self._lock = threading.Lock()

    def input_tokens(self, ask: Ask) -> Estimate:
        """Estimate the input.

        ``upper`` holds for any text. It cannot hold for what the request does not show: for
        media it takes a large example of them; for history kept by the provider, and for what
        tools on its side bring in, twice the largest input and output that such a call with
        this model and these tools has had (at least 4,096 tokens, and 16,384 before there was
        one).
        """
        untaught = expected, upper = self._untaught(ask)
        learned = self._learned.get(_tools_key(ask)) or _UNTAUGHT
        upper = max(upper + learned.surplus, expected * learned.worst * _WORSE)
        expected *= learned.ratio
        if _is_part_hidden(ask):
            expected += learned.history
            seen = learned.history
            upper += max(2 * seen, HISTORY_LEAST) if seen else HISTORY_UNSEEN
        upper = min(math.ceil(upper), LARGEST_CONTEXT)
        return Estimate(min(round(expected), upper), upper, untaught)

    def output_tokens(self, model: str | None, chars: int, chunks: int) -> int:
        """Estimate an output: characters by the family's ratio, and a token a chunk at least."""
        return max(chunks, math.ceil(chars / self._family(model).chars))

    def max_output(self, provider: str, model: str | None) -> int:
        """The most tokens of one answer; what no page tells is as long as the longest."""
        return longest_output(model or "")

    def needed_output(self, ask: Ask, agent: str | None) -> int | None:
        """The smallest whole answer of the last 32 with this model and agent."""
        return self._outputs.least(_agent_key(ask, agent))

    def expected_output(self, ask: Ask, agent: str | None) -> int | None:
        """The 99th percentile of the last 32 whole answers with this model and agent."""
        return self._outputs.most(_agent_key(ask, agent))

    def learn(
        self,
        ask: Ask,
        agent: str | None,
        usage: Usage,
        *,
        whole: bool,
        estimate: Estimate | None = None,
    ) -> None:
        """Correct later estimates by what a call used.

        Calls with media teach nothing about text, nor do counts that were summed over passes;
        these tell how much tools on the provider's side bring in.
        """
        if whole and usage.output_tokens > 0:
            each = math.ceil(usage.output_tokens / max(1, ask.choices))
            self._outputs.add(_agent_key(ask, agent), each)
        if usage.input_tokens <= 0 or ask.media_parts:
            return
        if usage.summed and not _is_part_hidden(ask):
            return
        untaught = None if estimate is None else estimate.untaught
        key = _tools_key(ask)
        with self._lock:
            old = self._learned.get(key)
            self._learned.put(key, self._taught(old, ask, usage, untaught or self._untaught(ask)))

    def _taught(
        self, old: _Learned | None, ask: Ask, usage: Usage, untaught: tuple[float, float]
    ) -> _Learned:
        before = old or _UNTAUGHT
        if _is_part_hidden(ask):
            seen = usage.input_tokens + usage.output_tokens
            history = max(seen, round(before.history + _FORGET * (seen - before.history)))
            return replace(before, history=history)
        expected, upper = untaught
        ratio = min(_HIGHEST, max(_LOWEST, usage.input_tokens / max(1.0, expected)))
        scales = ratio if expected >= _LARGE else 0.0
        beyond = _WORSE * max(0.0, usage.input_tokens - upper)
        return _Learned(
            ratio=before.ratio + (1.0 if old is None else _FRESH) * (ratio - before.ratio),
            worst=max(scales, before.worst + _FORGET * (scales - before.worst)),
            surplus=max(beyond, before.surplus + _FORGET * (beyond - before.surplus)),
            history=before.history,
        )

    def _untaught(self, ask: Ask) -> tuple[float, float]:
        """Input tokens by the table: expected, and at most."""
        family = self._family(ask.model)
        text, most_text = self._text(ask, family)
        frame, margin = _frame(ask, family)
        media = ask.media_parts
        return (
            frame + text + MEDIA_EXPECTED * media,
            MARGIN * frame + margin + most_text + family.media * media,
        )

    def _text(self, ask: Ask, family: Family) -> tuple[float, float]:
        # Characters whose text was not given, as plain ones: they may be twice as dense.
        unseen = max(0, ask.text_chars - sum(map(len, ask.texts))) / family.chars
        if (exact := self._exact(ask, family)) is not None:
            return exact + unseen, exact * EXACT_MARGIN + 2 * unseen
        weight = self._weighed(ask.texts)
        seen = weight.ascii_chars / family.chars + weight.wide * family.density
        return seen + unseen, max(MARGIN * seen, _at_most(weight, family)) + 2 * unseen

    def _exact(self, ask: Ask, family: Family) -> int | None:
        if family.encoding is None or not ask.texts or ask.text_chars > EXACT_UP_TO:
            return None
        count = self._ranks.counter(family.encoding)
        if count is None:
            return None
        return sum(self._counted(family.encoding, count, text) for text in ask.texts)

    def _counted(self, encoding: str, count: Callable[[str], int], text: str) -> int:
        """Count a text once: agents send the same ones again with each turn.

        Only its hash is kept. Two texts of one hash and length would share a count.
        """
        key = (encoding, len(text), hash(text))
        known = self._counts.get(key)
        if known is None:
            known = count(text)
            self._counts.put(key, known)
        return known

    def _weighed(self, texts: tuple[str, ...]) -> Weight:
        """Weigh a request once, and not again when it is learned from. As with counts."""
        key = (len(texts), hash(texts))
        known = self._weights.get(key)
        if known is None:
            known = weigh_all(texts)
            self._weights.put(key, known)
        return known

    def _family(self, model: str | None) -> Family:
        name = (model or "")[:256]
        family = self._families.get(name)
        if family is None:
            family = family_of(name)
            self._families.put(name, family)
        return family


def _is_part_hidden(ask: Ask) -> bool:
    """Whether a part of the input cannot be seen, so that its size is learned apart."""
    return ask.hidden_history or ask.server_tools


def _frame(ask: Ask, family: Family) -> tuple[float, int]:
    """The tokens around the texts, and how many more there may be."""
    if ask.operation is Operation.EMBEDDINGS:
        return 0.0, 0
    frame, margin = 3 + family.hidden + family.per_message * ask.messages, FRAME_MARGIN
    if ask.schema_chars:
        frame += family.schema + family.per_schema_token * ask.schema_chars / JSON_CHARS
    if ask.tools_chars:
        frame += family.tools + family.per_tool_token * ask.tools_chars / JSON_CHARS
        margin += TOOLS_MARGIN
    return frame, margin


def _at_most(weight: Weight, family: Family) -> float:
    return min(weight.upper * family.density, weight.utf8_bytes)


def _tools_key(ask: Ask) -> tuple[str, str]:
    return (ask.model or "")[:256], ask.tool_set[:64]


def _agent_key(ask: Ask, agent: str | None) -> tuple[str, str]:
    return (ask.model or "")[:256], (agent or "")[:256]
