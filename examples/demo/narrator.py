"""An agent that tells the story while it is being written."""

from openai import OpenAI


def main() -> None:
    client = OpenAI()
    stream = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Tell a child about the tides, in a few lines."}],
        stream=True,
    )
    line = ""
    for chunk in stream:
        if chunk.choices:
            line += chunk.choices[0].delta.content or ""
        while "\n" in line:
            told, line = line.split("\n", 1)
            print(f"narrator    {told.strip()}", flush=True)
    print(f"narrator    {line.strip()}", flush=True)


if __name__ == "__main__":
    main()
