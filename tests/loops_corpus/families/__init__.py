"""The families of scenarios: one module for each kind, with ``draft(domain, rng, shape)``.

A family has several shapes; which of them is written follows from the number of the trace.
"""
