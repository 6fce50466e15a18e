"""Probes of the providers' own SDKs: one short question, plainly and as a stream."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wflo_otel.cli.probes import Ways
from wflo_otel.cli.probes.clients import CHAT

#: What no provider knows.
KEY = "wflo-doctor"
CLAUDE, GEMINI = "claude-haiku-4-5", "gemini-2.5-flash"
HELLO = CHAT["messages"]

#: The classes of the SDKs, which need not be installed here, are not known to a type checker.
_Class = Any


def openai() -> Ways:
    """``openai``: chat completions."""
    sdk = import_module("openai")
    return _chat(sdk.OpenAI, sdk.AsyncOpenAI, "/v1")


def groq() -> Ways:
    """``groq``: chat completions."""
    sdk = import_module("groq")
    return _chat(sdk.Groq, sdk.AsyncGroq, "")


def _chat(client: _Class, async_client: _Class, path: str) -> Ways:
    def create(made: _Class, url: str, **more: bool) -> Any:
        completions = made(base_url=f"{url}{path}", api_key=KEY).chat.completions
        return completions.create(**CHAT, **more)

    return {
        "sync": lambda url: create(client, url),
        "async": lambda url: create(async_client, url),
        "stream": lambda url: list(create(client, url, stream=True)),
    }


def anthropic() -> Ways:
    """``anthropic``: messages."""
    sdk = import_module("anthropic")

    def create(client: _Class, url: str, **more: bool) -> Any:
        messages = client(base_url=url, api_key=KEY).messages
        return messages.create(model=CLAUDE, max_tokens=16, messages=HELLO, **more)

    return {
        "sync": lambda url: create(sdk.Anthropic, url),
        "async": lambda url: create(sdk.AsyncAnthropic, url),
        "stream": lambda url: list(create(sdk.Anthropic, url, stream=True)),
    }


def google_genai() -> Ways:
    """``google-genai``: content."""
    sdk = import_module("google.genai")
    asked = {"model": GEMINI, "contents": "Say hello"}

    def client(url: str) -> Any:
        return sdk.Client(api_key=KEY, http_options={"base_url": url})

    def answer(url: str) -> None:
        made = client(url)  # a client that is dropped closes its connection
        made.models.generate_content(**asked)

    async def answer_async(url: str) -> None:
        made = client(url)
        await made.aio.models.generate_content(**asked)

    def stream(url: str) -> None:
        made = client(url)
        list(made.models.generate_content_stream(**asked))

    return {"sync": answer, "async": answer_async, "stream": stream}


def mistralai() -> Ways:
    """``mistralai``: chat."""
    sdk = import_module("mistralai.client")

    def client(url: str) -> Any:
        return sdk.Mistral(server_url=url, api_key=KEY)

    return {
        "sync": lambda url: client(url).chat.complete(**CHAT),
        "async": lambda url: client(url).chat.complete_async(**CHAT),
        "stream": lambda url: list(client(url).chat.stream(**CHAT)),
    }


def cohere() -> Ways:
    """``cohere``: chat of the second version."""
    sdk = import_module("cohere")
    asked = CHAT | {"model": "command-r7b-12-2024"}

    def client(kind: _Class, url: str) -> Any:
        return kind(base_url=url, api_key=KEY)

    return {
        "sync": lambda url: client(sdk.ClientV2, url).chat(**asked),
        "async": lambda url: client(sdk.AsyncClientV2, url).chat(**asked),
        "stream": lambda url: list(client(sdk.ClientV2, url).chat_stream(**asked)),
    }


def botocore() -> Ways:
    """``botocore``, and so ``boto3``: converse at Bedrock."""
    session = import_module("botocore.session").get_session()
    asked = {
        "modelId": "amazon.nova-lite-v1:0",
        "messages": [{"role": "user", "content": [{"text": "Say hello"}]}],
    }

    def client(url: str) -> Any:
        return session.create_client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
        )

    return {
        "sync": lambda url: client(url).converse(**asked),
        "stream": lambda url: list(client(url).converse_stream(**asked)["stream"]),
    }
