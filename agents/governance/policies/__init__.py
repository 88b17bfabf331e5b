"""Policies: what nested scopes come to, what speaks against a request, and who decided."""

from agents.governance.policies.evaluation import effective_policy
from agents.governance.policies.objection import policy_problem

__all__ = ["effective_policy", "policy_problem"]
