"""A worker that takes messages, one a line, and calls a model as often as each asks for.

A queue's instrumentation starts the CONSUMER span that stands here for it. Run it with a budget
for each message:

    WFLO_BUDGET_USD=0.01 opentelemetry-instrument python worker.py < messages.txt
"""

import sys

import openai
from opentelemetry import trace

client = openai.OpenAI()
tracer = trace.get_tracer("worker")


def work(message: str) -> str:
    """Do what a message says, ``STEPS QUESTION``, and say how far that came."""
    steps, _, question = message.partition(" ")
    for step in range(int(steps)):
        try:
            client.chat.completions.create(
                model="gpt-4o",
                messages=[{"role": "user", "content": question}],
                max_tokens=200,
            )
        except openai.OpenAIError as error:  # a refusal is one, too
            return f"stopped at step {step + 1}: {type(error).__name__}"
    return f"done in {steps}"


for line in sys.stdin:
    with tracer.start_as_current_span("process questions", kind=trace.SpanKind.CONSUMER):
        print(work(line.strip()), flush=True)
