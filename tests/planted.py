"""Every way to break a rule that is tried, planted into the recorded registrations of real programs."""

from tests import planted_names, planted_secrets, planted_workloads

VIOLATIONS = (*planted_names.VIOLATIONS, *planted_secrets.VIOLATIONS, *planted_workloads.VIOLATIONS)
