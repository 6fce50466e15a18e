"""What a call used, in one normal form for every provider.

The form is inclusive: ``input_tokens`` contains cache reads, cache writes, audio and images;
``output_tokens`` contains reasoning, audio and images; ``cache_write_tokens`` contains the
one-hour writes. Each wire module turns its own dialect into this form.
"""

from __future__ import annotations

from dataclasses import field

from wflo_otel.core.value import value


@value
class Usage:
    """Tokens of one call, by kind. All counts are non-negative."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cache_read_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    #: Uses of tools that run on the provider's side and are billed apart, such as
    #: ``(("web_search", 2),)``, sorted by name.
    server_tools: tuple[tuple[str, int], ...] = ()
    #: Usage that the provider bills beside the main model, each with the model it names
    #: (Anthropic ``iterations`` of kind compaction, advisor, fallback). Not contained above.
    extra: tuple[ModelUsage, ...] = ()
    #: The counts are a sum over several passes on the provider's side, so that a price tier
    #: that starts at a context size must not be decided on them.
    summed: bool = False

    @property
    def total_tokens(self) -> int:
        """Input and output together, with what was billed beside."""
        own = self.input_tokens + self.output_tokens
        if not self.extra:
            return own
        return own + sum(each.usage.total_tokens for each in self.extra)


@value
class ModelUsage:
    """Usage that belongs to a model of its own."""

    model: str
    usage: Usage = field(default_factory=Usage)


NOTHING = Usage()
