"""Budgets, brakes and a black box for LLM agents, as plain OpenTelemetry."""
