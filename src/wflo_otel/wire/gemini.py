"""Google's Gemini API, at AI Studio and at Vertex: generated content and embeddings.

The URL names the model and the method: ``…/models/{model}:generateContent``. Names of fields
are accepted in both of Google's spellings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wflo_otel.core.call import Heard, Operation, ToolResult
from wflo_otel.wire.api import Route, StreamReader
from wflo_otel.wire.body import JsonObject, compact, items, mapping, objects, optional_count, text
from wflo_otel.wire.gemini_answer import ContentFold
from wflo_otel.wire.heard import since_model, written
from wflo_otel.wire.request import JsonApi, Size, Texts, at_least_one
from wflo_otel.wire.sse import Fold
from wflo_otel.wire.streams import EitherReader, Elements

_CONFIG = ("generationConfig", "generation_config")
_CAP = ("maxOutputTokens", "max_output_tokens")
_CHOICES = ("candidateCount", "candidate_count")
_SYSTEM = ("systemInstruction", "system_instruction")
_CACHED = ("cachedContent", "cached_content")
_RESPONSES = ("functionResponse", "function_response")
_SCHEMAS = (
    *("responseSchema", "response_schema"),
    *("responseJsonSchema", "response_json_schema", "_responseJsonSchema"),
)
#: What stands in a tool that the caller runs; every other kind runs at Google.
_OWN_TOOLS = frozenset({"functionDeclarations", "function_declarations"})


class GeminiContent(JsonApi):
    """``POST …:generateContent``, ``POST …:streamGenerateContent``."""

    stand_in = "gcp.gemini"

    @property
    def name(self) -> str:
        """``gemini.generateContent``."""
        return "gemini.generateContent"

    def stream(self, *, hide_usage: bool = False) -> StreamReader:
        """Begin to read events, or one array of chunks where ``alt=sse`` was not asked for."""
        del hide_usage
        return EitherReader(self._fold(), Elements())

    def _fold(self) -> Fold:
        return ContentFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return isinstance(request.get("contents"), list | dict | str)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        config = mapping(_either(request, _CONFIG))
        system = _either(request, _SYSTEM)
        _gather(system, texts)
        contents = request.get("contents")
        several = items(contents) if isinstance(contents, list) else [contents]
        for each in several:
            _gather(each, texts)
        return Size(
            messages=len(several) + (1 if system else 0),
            choices=at_least_one(_either(config, _CHOICES)),
            output_cap=optional_count(_either(config, _CAP)),
            tools=request.get("tools"),
            schema=_either(config, _SCHEMAS),
            hidden_history=bool(_either(request, _CACHED)),
            server_tools=any(
                not _OWN_TOOLS.issuperset(tool) for tool in objects(request.get("tools"))
            ),
        )

    def _heard(self, request: JsonObject) -> Heard:
        contents = request.get("contents")
        run, new = since_model(items(contents) or [contents], _is_models)
        parts = [part for each in new for part in _parts(each)]
        results = [
            _result(found)
            for part in parts
            if (found := mapping(_either(mapping(part), _RESPONSES)))
        ]
        return Heard(tuple(results), begins=not results and (bool(parts) or not run))

    def _hint(self, request: JsonObject, hint: str) -> bool:
        contents = request.get("contents")
        several = items(contents) or [contents]
        last = several[-1]
        said = [{"text": last}] if isinstance(last, str) else _parts(last)
        if mapping(last).get("role", "user") != "user" or not said:
            return False
        content = {"role": "user", **mapping(last), "parts": [*said, {"text": hint}]}
        request["contents"] = [*several[:-1], content]
        return True

    def _cap(self, request: JsonObject, cap: int) -> bool:
        place = next((key for key in _CONFIG if key in request), _CONFIG[0])
        config = dict(mapping(request.get(place)))
        for key in [key for key in _CAP if key in config] or _CAP[:1]:
            config[key] = cap
        request[place] = config
        return True


class GeminiEmbeddings(GeminiContent):
    """``POST …:embedContent``, ``POST …:batchEmbedContents``."""

    @property
    def name(self) -> str:
        """``gemini.embedContent``."""
        return "gemini.embedContent"

    @property
    def operation(self) -> Operation:
        """Embeddings."""
        return Operation.EMBEDDINGS

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return "content" in request or isinstance(request.get("requests"), list)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        for each in (request, *objects(request.get("requests"))):
            _gather(each.get("content"), texts)
        return Size(output_cap=0)

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False


def _either(value: Mapping[str, object], keys: tuple[str, ...]) -> object:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _is_models(content: Mapping[str, object]) -> bool:
    return content.get("role") == "model"


def _parts(content: object) -> Sequence[object]:
    """The parts of a content, which may be a single one, or be a text itself."""
    parts = content.get("parts") if isinstance(content, dict) else content
    return items(parts) or ([parts] if parts else ())


def _result(held: Mapping[str, object]) -> ToolResult:
    media = held.get("parts")
    said = compact(held.get("response"))
    return ToolResult(
        call_id=text(held.get("id")) or "",
        name=text(held.get("name")) or "",
        text=f"{said}\n{written(media)}" if media else said,
    )


def _gather(content: object, texts: Texts) -> None:
    if not isinstance(content, dict):
        texts.add_parts(content)
        return
    parts = content.get("parts")
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, dict):
            _gather_part(part, texts)
        else:
            texts.add(part)


def _gather_part(part: JsonObject, texts: Texts) -> None:
    if isinstance(written := part.get("text"), str):
        texts.add(written)
        return
    for key, inner in _CALLS:
        if call := mapping(part.get(key)):
            texts.add(call.get("name"))
            texts.add(call.get(inner))
            return
    if any(key.startswith(("inline", "file")) for key in part):
        texts.media += 1
    else:
        texts.add(part)


_CALLS = (
    ("functionCall", "args"),
    ("function_call", "args"),
    *((key, "response") for key in _RESPONSES),
)
