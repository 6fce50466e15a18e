"""Short fields of a multipart form, as clients send audio and images.

Only fields without a file name are read, and none beyond ``MAX_FIELD``: the work is a search
for the fields' headers, whatever the files hold.
"""

from __future__ import annotations

import re

from wflo_otel.wire.body import JsonObject

#: A longer field is passed over, in bytes.
MAX_FIELD = 64 * 1024
_MAX_FIELDS = 256
_BEGIN = b"Content-Disposition: form-data;"
_NAME = re.compile(
    rb'[ ]*name="?([A-Za-z0-9_.\[\]-]{1,64})"?[ ]*\r\n(?:[^\r\n]{1,256}\r\n){0,4}\r\n'
)


def form_fields(body: bytes) -> JsonObject | None:
    """Read a form's fields; ``None`` where it is no form. The last of equal names holds."""
    if not body.startswith(b"--"):
        return None
    found: JsonObject = {}
    at = body.find(_BEGIN)
    for _ in range(_MAX_FIELDS):
        if at < 0:
            break
        begin = at + len(_BEGIN)
        head = _NAME.match(body, begin)
        if head is not None:
            end = body.find(b"\r\n--", head.end(), head.end() + MAX_FIELD)
            if end >= 0:
                value = body[head.end() : end].decode("utf-8", "replace")
                found[head[1].decode().removesuffix("[]")] = value
        at = body.find(_BEGIN, begin)
    return found
