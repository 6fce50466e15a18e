"""Ask once, then wait for a signal that ends it."""

import time

import openai

openai.OpenAI().chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "hello"}], max_tokens=50
)
print("ready", flush=True)
time.sleep(60)
