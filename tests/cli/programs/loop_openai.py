"""An agent's bare loop over OpenAI: ask, call the tools, ask again: ``loop_openai.py same|moves``."""

import sys

import openai

client = openai.OpenAI(max_retries=0)
messages = [{"role": "user", "content": "Is the nightly job done?"}]
tool = {"type": "function", "function": {"name": "find_job", "parameters": {"type": "object"}}}

for turn in range(30):
    answer = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[tool])
    message = answer.choices[0].message
    messages.append(message.model_dump(exclude_none=True))
    for call in message.tool_calls or ():
        said = f"{turn * 3} % done" if sys.argv[1] == "moves" else "the job is in the list"
        messages.append({"role": "tool", "tool_call_id": call.id, "content": said})
    print("turn", turn, flush=True)
