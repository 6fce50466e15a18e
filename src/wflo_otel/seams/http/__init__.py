"""The transport guard: every request of ``httpx`` and ``httpx2`` clients to a known LLM API.

It reads what is asked, lets the engine decide, and reads the answer as it passes. It refuses by
raising; it never answers in a provider's place.
"""

from wflo_otel.seams.http.installation import GUARDED, install, uninstall, unreached

__all__ = ["GUARDED", "install", "uninstall", "unreached"]
