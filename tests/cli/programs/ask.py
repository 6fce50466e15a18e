"""Ask OpenAI so many times, whatever comes back: ``ask.py COUNT [MAX_TOKENS]``."""

import os
import sys

import openai

PROMPT = "word " * int(os.environ.get("WORDS", "100"))
client = openai.OpenAI()


def say(line: str) -> None:
    # One write, so that the lines of several processes do not mix.
    os.write(1, f"{line}\n".encode())


limits = {"max_tokens": int(sys.argv[2])} if len(sys.argv) > 2 else {}
for _ in range(int(sys.argv[1])):
    try:
        answer = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": PROMPT}], **limits
        )
        say(f"answered {answer.choices[0].finish_reason}")
    except openai.OpenAIError as error:
        say(f"failed {type(error).__name__}")
raise SystemExit(7)
