"""What providers speak: which URL is which API, what a request asks, what a response used.

Pure: bytes in, values out. No client library, no clock, no I/O, no locks. Whatever the bytes
are, nothing here raises; what cannot be understood is ``None``. A new API is one module beside
these and one line in :mod:`wflo_otel.wire.route`; a new host of a known API is one row in
:mod:`wflo_otel.wire.dialects`.
"""
