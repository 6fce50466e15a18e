"""The ``wflo.yaml`` that ``wflo init`` writes.

Every line that begins with ``#`` and no space is an option that is switched off: without the
``#`` the file is a policy too.
"""

from __future__ import annotations

_TEMPLATE = """\
# What your agents may spend. Check this file with `wflo policy check wflo.yaml`.
version: 1

# enforce: what a budget leaves no room for is refused. shadow: it is only recorded.
mode: enforce

# When the state store cannot answer: refuse the call, or allow it without a budget.
on_state_error: refuse

# A request that looks like a call to a model in an API that wflo does not know: allow or refuse.
unrecognised: allow

# process: a run is all that a process does. trace: each request that it serves is one.
#run_per: trace

budgets:
  # All calls of one run together.
  run:
    usd: 5.00
    # Write a warning when this share is spent.
    warn_at: 0.8
    # stop: the run ends here, every further call is refused. refuse: only this call is.
    on_exceeded: stop
    #tokens: 2_000_000
    #calls: 500

  # Each agent in a run, by name. "*" gives every other agent a budget of its own.
  # A number alone is an amount in US dollars.
  agents:
    "*": 1.00
    #writer: {usd: 1.50, on_exceeded: refuse}

  # The model calls inside a tool, in each run.
  #tools: {search_web: 0.25}

  # All runs of a workflow, or for a tenant, together: by hour, day, week or month.
  #workflows: {nightly-report: {usd: 20.00, per: day, timezone: UTC}}
  #tenants: {"*": {usd: 100.00, per: month, timezone: UTC}}

# When a component is no longer called: it fails, dawdles, or burns too much in a minute.
#breakers:
#  openai: {error_threshold: 0.5, min_calls: 10, token_budget: 200_000, cooldown_s: 30}
#  "tool:*": {consecutive_failures: 3}

# How a model call that fails in a way that may pass is tried again, instead of by the SDK.
#retries: {max_attempts: 4, backoff: exponential, initial_delay_ms: 100, max_delay_ms: 30_000}

# When an agent is stopped that goes in circles.
#loops: {max_iterations: 25, similarity_threshold: 0.9}

# What is saved with no line of code, how many of each run are kept, and for how long.
#checkpoints: {after: [agent], keep: 100, max_age_days: 30}

# What models cost, where the catalogue does not know it or you pay another price.
#prices:
#  overrides:
#    my-finetune: {input_usd_per_mtok: 3.00, output_usd_per_mtok: 6.00}
#  aliases: {my-deployment: gpt-4o}
#  unknown_model: refuse

# Who is told when a budget stops something, or a model has no price: a URL, a command, or both.
#notify:
#  webhook: https://example.com/hook
#  command: [notify-send, wflo]
"""


def init_template() -> str:
    """Return a commented policy: 5.00 USD for a run, 1.00 USD for each agent in it."""
    return _TEMPLATE
