"""Ask a model three times in an API that nobody knows, whatever comes back."""

import os

import httpx

for _ in range(3):
    try:
        httpx.post(
            f"{os.environ['ANTHROPIC_BASE_URL']}/v3/generate?key=hidden",
            json={"model": "tide-1", "prompt": "A secret about the tides"},
        )
        print("sent")
    except Exception as error:  # noqa: BLE001  # whatever it is, the next one is tried
        print(type(error).__name__)
