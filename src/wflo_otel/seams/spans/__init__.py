"""Calls that only another instrumentation's spans show: decided when a span starts, charged
when it ends.

The rule: one decider per call. Where the guard sees what is sent, it decides and charges, and
a span only shows it.
"""
