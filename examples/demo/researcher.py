"""An agent that looks things up until it knows enough. It never thinks that it does."""

import json
import sys

from openai import OpenAI, OpenAIError

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "search_web",
            "description": "Search the web and return the ten best pages.",
            "parameters": {
                "type": "object",
                "properties": {"query": {"type": "string"}},
                "required": ["query"],
            },
        },
    }
]

PAGE = (
    "The bay of Fundy has the highest tides on Earth: twice a day the water rises by up to "
    "sixteen metres. Its length gives it a natural period of about thirteen hours, close to "
    "that of the Moon's pull, so each tide adds to the one before. "
)


def search_web(query: str) -> str:
    """Stand in for a search engine."""
    return "\n".join(f"{rank}. {query}: {PAGE * 3}" for rank in range(1, 11))


def main() -> None:
    client = OpenAI()
    messages = [
        {"role": "system", "content": "You are a researcher. Search before you answer."},
        {"role": "user", "content": "Why are the tides in the bay of Fundy so high?"},
    ]
    while True:
        completion = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
        message = completion.choices[0].message
        if not message.tool_calls:
            print(f"researcher  {message.content}", flush=True)
            return
        messages.append(message)
        for call in message.tool_calls:
            query = json.loads(call.function.arguments)["query"]
            print(f"researcher  search_web({query!r})", flush=True)
            result = {"role": "tool", "tool_call_id": call.id, "content": search_web(query)}
            messages.append(result)


if __name__ == "__main__":
    try:
        main()
    except OpenAIError as error:
        sys.exit(f"researcher  gave up: {type(error).__name__}: {error}")
