"""Names: what the conventions call a provider, and the catalogue; models that were renamed.

The rule here: a name is looked up exactly. A name that is not known stays as it is, and the
catalogue then goes by the model's own name.
"""

from __future__ import annotations

#: ``gen_ai.provider.name`` where the catalogue's id is another one.
_IDS = {
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "vertex_ai": "google",
    "bedrock": "aws",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "moonshot_ai": "moonshotai",
    "moonshot": "moonshotai",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "voyage": "voyageai",
    "meta-llama": "meta",
    "z-ai": "zai",
}

#: Names that moved to a newer model after the catalogue took them down, by catalogue id.
#: Source: the provider's public model page.
_RENAMED = {
    "mistral": {
        "mistral-large-latest": "mistral-large-2512",
        "ministral-3b-latest": "ministral-3b-2512",
    },
}


def catalogue_id(provider: str) -> str:
    """Return the catalogue's id for a provider."""
    provider = provider.lower()
    return _IDS.get(provider, provider)


def renamed(provider_id: str, model: str) -> str:
    """Return the name under which the catalogue has this model."""
    return _RENAMED.get(provider_id, {}).get(model, model)
