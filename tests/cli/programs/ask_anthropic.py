"""Ask Anthropic so many times, whatever comes back."""

import sys

import anthropic

client = anthropic.Anthropic()
for _ in range(int(sys.argv[1])):
    try:
        client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=1000,
            messages=[{"role": "user", "content": "word " * 100}],
        )
        print("answered", flush=True)
    except anthropic.AnthropicError as error:
        print(f"failed {type(error).__name__}", flush=True)
