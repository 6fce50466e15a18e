"""The same over Anthropic: ``loop_anthropic.py same|moves``."""

import sys

import anthropic

client = anthropic.Anthropic(max_retries=0)
messages = [{"role": "user", "content": "Is the nightly job done?"}]
tool = {"name": "find_job", "input_schema": {"type": "object"}}

for turn in range(30):
    answer = client.messages.create(
        model="claude-haiku-4-5", messages=messages, tools=[tool], max_tokens=100
    )
    messages.append(
        {"role": "assistant", "content": [each.model_dump() for each in answer.content]}
    )
    said = f"{turn * 3} % done" if sys.argv[1] == "moves" else "the job is in the list"
    results = [
        {"type": "tool_result", "tool_use_id": each.id, "content": said}
        for each in answer.content
        if each.type == "tool_use"
    ]
    messages.append({"role": "user", "content": results})
    print("turn", turn, flush=True)
