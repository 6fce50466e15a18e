"""A web service whose agent calls a model as often as it likes. Nothing in it is wflo's.

Run it with a budget for each request:

    WFLO_BUDGET_USD=0.01 opentelemetry-instrument uvicorn service:app
"""

from typing import Annotated

import openai
from fastapi import FastAPI, HTTPException, Query

app = FastAPI()
client = openai.AsyncOpenAI()


@app.post("/research")
async def research(question: str, steps: Annotated[int, Query(ge=1)] = 1) -> dict[str, object]:
    """Ask a model again and again, as an agent does that does not find an end."""
    answer = ""
    for step in range(steps):
        content = f"{question} Think step {step + 1}."
        try:
            completion = await client.chat.completions.create(
                model="gpt-4o",
                messages=[{"role": "user", "content": content}],
                max_tokens=200,
            )
        except openai.OpenAIError as error:  # a refusal is one, too
            raise HTTPException(402, f"stopped at step {step + 1}: {error}") from error
        answer = completion.choices[0].message.content or ""
    return {"steps": steps, "answer": answer}
