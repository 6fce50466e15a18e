"""How many tokens a request's parts come to, by model family, and what a model can answer.

The rule here: these are measured medians (requests without media whose usage the provider
reported), read as lines: a constant for each message, characters of text and of JSON for each
token. A model that no row fits gets the cautious last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

#: Characters of compact JSON in one o200k token: measured on tool definitions and schemas.
JSON_CHARS = 4.4


@dataclass(frozen=True, slots=True)
class Family:
    """Models that count alike.

    Args:
        pattern: what the model's name contains, as a regular expression.
        per_message: tokens of one message's frame.
        chars: characters of plain text in one token.
        density: tokens for each token that o200k makes of the same text.
        tools: tokens that come with any tool definitions (a hidden prompt).
        per_tool_token: tokens for each o200k token of the tool definitions' JSON.
        schema: tokens that come with any answer schema.
        per_schema_token: tokens for each o200k token of the schema's JSON.
        hidden: tokens of a hidden prompt that every request has.
        media: tokens of one image, audio or file at most, of common sizes.
        encoding: the tokenizer, where it is public.
    """

    pattern: str
    per_message: float
    chars: float
    density: float = 1.0
    tools: int = 0
    per_tool_token: float = 1.3
    schema: int = 0
    per_schema_token: float = 1.0
    hidden: int = 0
    media: int = 5_000
    encoding: str | None = None


_ROWS = (
    # 2,833 tokens and 5,667 for each of up to eight tiles: OpenAI's page on images.
    Family("gpt-4o-mini", 7, 4.8, 1.0, 4, 0.6, 0, 0.9, media=49_000, encoding="o200k_base"),
    Family("gpt-4o|gpt-4[.][1-9]", 7, 4.8, 1.0, 4, 0.6, 0, 0.9, encoding="o200k_base"),
    Family("gpt-[5-9]|(^|/)o[1-9](-|$)", 6, 4.2, 1.0, 40, 0.8, 0, 0.9, encoding="o200k_base"),
    Family("gpt-oss", 6, 4.2, 1.0, 60, 1.0, 0, 1.0, hidden=70),
    Family("gpt-|text-embedding-|davinci|babbage", 7, 4.6, 1.1, 4, 0.6, encoding="cl100k_base"),
    Family("claude-([a-z]+-)[5-9]|opus-4[.-][78]|fable", 8.5, 2.7, 1.38, 340, 2.06, 85, 1.9),
    Family("claude-([a-z]+-)?[123]|claude-(v|instant)", 7.4, 4.8, 1.16, 270, 1.48, 85, 1.9),
    Family("claude", 6.4, 3.8, 1.14, 512, 1.0, 85, 1.9),
    Family("gemini-[3-9]", 1, 3.7, 1.1, 0, 1.12, 0, 0.1),
    Family("gemini|gemma", 1, 3.2, 1.145, 0, 0.84, 0, 0.1),
    Family("deepseek", 4.3, 4.6, 1.0, 217, 1.19),
    Family("(mi|mini|code|magi|dev)stral|[mp]ixtral", 7, 3.6, 1.17, 6, 1.26),
    Family("qwen|qwq", 8, 4.5, 1.0, 67, 1.37),
    Family("nova-", 0, 4.0, 1.25, 950, 1.3),
    Family("grok", 4, 4.0, 1.0, 60, 1.3, hidden=200),
    Family("llama", 8, 4.1, 1.0, 100, 1.3),
)

_OTHER = Family("", 8, 3.6, 1.3, 512, 1.5, 85, 1.9, hidden=50)

#: The most output tokens of one answer, first match wins. Source: the providers' public model
#: pages. A model that no row fits may answer with as much as the longest of them.
_OUTPUTS = (
    ("embed|moderation", 0),
    ("gpt-4o|gpt-4-o", 16_384),
    ("gpt-4[.]1", 32_768),
    ("gpt-4[.]5", 16_384),
    ("gpt-4-32k", 32_768),
    ("gpt-4-(turbo|1106|0125|vision)|gpt-3[.]?5", 4_096),
    ("gpt-4(-0|$)", 8_192),
    ("gpt-5-chat", 16_384),
    ("(^|/)o1-mini", 65_536),
    ("(^|/)o1-preview", 32_768),
    ("(^|/)o[134](-|$)", 100_000),
    ("gpt-5", 128_000),
    ("claude-3-(haiku|opus|sonnet)|claude-(2|v|instant)", 4_096),
    ("claude-3[.-]5", 8_192),
    ("claude-3[.-]7", 128_000),
    ("opus-4[.-]5|sonnet-4|haiku-4", 64_000),
    ("opus-4([.-]1|-0|-2|@|$)", 32_000),
    ("gemini-(1|2[.]0)", 8_192),
    ("gemini", 65_536),
)

LONGEST_OUTPUT = 128_000

_FAMILIES = tuple((re.compile(row.pattern), row) for row in _ROWS)
_CAPS = tuple((re.compile(pattern), cap) for pattern, cap in _OUTPUTS)


def family_of(model: str) -> Family:
    """Return the family that a model's name belongs to."""
    name = model.lower()
    return next((row for pattern, row in _FAMILIES if pattern.search(name)), _OTHER)


@lru_cache(maxsize=1024)
def longest_output(model: str) -> int:
    """Return the most tokens that a model gives in one answer."""
    name = model.lower()
    return next((cap for pattern, cap in _CAPS if pattern.search(name)), LONGEST_OUTPUT)
