"""An agent that writes a short text in three drafts."""

from anthropic import Anthropic

TASKS = (
    "Outline a short text about the tides in the bay of Fundy.",
    "Now write it.",
    "Make it half as long.",
)


def main() -> None:
    client = Anthropic()
    messages = []
    for task in TASKS:
        messages.append({"role": "user", "content": task})
        message = client.messages.create(
            model="claude-haiku-4-5", max_tokens=1024, messages=messages
        )
        text = message.content[0].text
        messages.append({"role": "assistant", "content": text})
        print(f"writer      {task} -> {len(text.split())} words", flush=True)


if __name__ == "__main__":
    main()
