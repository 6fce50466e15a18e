"""What a request brings that the model has not seen: results of tools, a user's new question.

The rule: what stands after the last run of the model's own messages is new, all before was sent
already. One reading serves every API that has ``messages``, for their shapes exclude each other
and hosts mix them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from wflo_otel.core.call import Heard, ToolResult
from wflo_otel.wire.body import JsonObject, compact, digest, items, mapping, objects, text

#: The calls of the model's last turn: id (empty where there is none) and name, in their order.
Calls: TypeAlias = Sequence[tuple[str, str]]

_MEDIA = frozenset(
    {"image", "image_url", "input_image", "computer_screenshot", "inlineData", "inline_data"}
    | {"audio", "input_audio", "video"}
)
_TOOLS = frozenset({"tool", "function"})
#: A digest's digits as letters that no hexadecimal number has: loop detection takes out numbers.
_AS_LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")


def since_model(
    given: Sequence[object], is_models: Callable[[Mapping[str, object]], bool]
) -> tuple[list[JsonObject], list[object]]:
    """The last run of the model's own items, and all that comes after it."""
    end = len(given)
    while end and not is_models(mapping(given[end - 1])):
        end -= 1
    begin = end
    while begin and is_models(mapping(given[begin - 1])):
        begin -= 1
    return objects(list(given[begin:end])), list(given[end:])


def written(content: object) -> str:
    """What a tool answered, as text: media by a digest, all else that is no text as JSON."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "\n".join(map(_written_part, content))
    return _written_part(content)


def named(results: Sequence[ToolResult], calls: Calls) -> tuple[ToolResult, ...]:
    """The results with their tools' names: by the call's id, without one by their order."""
    by_id = {call_id: name for call_id, name in calls if call_id}
    return tuple(
        ToolResult(each.call_id, each.name or _name_of(each, at, by_id, calls), each.text)
        for at, each in enumerate(results)
    )


def heard_in_messages(request: JsonObject) -> Heard:
    """What the ``messages`` of a request bring, whoever's they are."""
    run, new = since_model(items(request.get("messages")), _is_models)
    results = [_older_result(each) for each in objects(request.get("tool_results"))]
    speaks = False
    for message in map(mapping, new):
        found = list(_results(message))
        results += found
        speaks = speaks or _speaks(message)
    calls = [call for message in run for call in _calls(message)]
    return Heard(named(results, calls), begins=not results and (speaks or not run))


def _written_part(part: object) -> str:
    if isinstance(part, str):
        return part
    held = mapping(part)
    if isinstance(found := held.get("text"), str):
        return found
    if "json" in held:
        return compact(held["json"])
    kinds = (held.get("type"), *held)
    kind = next((kind for kind in kinds if isinstance(kind, str) and kind in _MEDIA), None)
    if kind is None:
        return compact(part)
    # A mark for the cache moves from call to call.
    data = compact({key: held[key] for key in held if key != "cache_control"})
    return f"[{kind} {digest(data).translate(_AS_LETTERS)}]"


def _name_of(result: ToolResult, at: int, by_id: Mapping[str, str], calls: Calls) -> str:
    if result.call_id:
        return by_id.get(result.call_id, "")
    return calls[at][1] if at < len(calls) else ""


def _is_models(message: Mapping[str, object]) -> bool:
    return message.get("role") == "assistant"


def _speaks(message: Mapping[str, object]) -> bool:
    """Whether a user says something; beside a result it is no question of its own."""
    return message.get("role") == "user" and bool(message.get("content"))


def _results(message: Mapping[str, object]) -> Iterator[ToolResult]:
    """The results in a message: it is one itself, or its parts are."""
    if text(message.get("role")) in _TOOLS:
        name = text(message.get("name")) or text(message.get("tool_name")) or ""
        call_id = text(message.get("tool_call_id")) or ""
        yield ToolResult(call_id, name, written(message.get("content")))
        return
    for part in objects(message.get("content")):
        if part.get("type") == "tool_result":
            yield ToolResult(text(part.get("tool_use_id")) or "", "", written(part.get("content")))
        elif held := mapping(part.get("toolResult")):
            yield ToolResult(text(held.get("toolUseId")) or "", "", written(held.get("content")))


def _older_result(held: Mapping[str, object]) -> ToolResult:
    """A result in the first version of Cohere's API, which has them beside its message."""
    name = text(mapping(held.get("call")).get("name")) or ""
    return ToolResult("", name, written(held.get("outputs")))


def _calls(message: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The calls in a message of the model, by whichever name its API has for them."""
    for call in objects(message.get("tool_calls")):
        inner = mapping(call.get("function") or call.get("custom"))
        yield text(call.get("id")) or "", text(inner.get("name")) or ""
    for part in objects(message.get("content")):
        if part.get("type") == "tool_use":
            yield text(part.get("id")) or "", text(part.get("name")) or ""
        elif held := mapping(part.get("toolUse")):
            yield text(held.get("toolUseId")) or "", text(held.get("name")) or ""
