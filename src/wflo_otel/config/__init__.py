"""What users ask for, read: the policy file and the environment.

Whatever is wrong is a :class:`~wflo_otel.errors.ConfigError` that names the place and the
remedy. Nothing is guessed and nothing is ignored.
"""

from wflo_otel.config.environment import Settings, from_environment
from wflo_otel.config.files import PolicyFile, load_policy, parse_policy
from wflo_otel.config.plain import policy_of
from wflo_otel.config.problems import PolicyFileError
from wflo_otel.config.run_budget import with_run_budget
from wflo_otel.config.template import init_template

__all__ = [
    "PolicyFile",
    "PolicyFileError",
    "Settings",
    "from_environment",
    "init_template",
    "load_policy",
    "parse_policy",
    "policy_of",
    "with_run_budget",
]
