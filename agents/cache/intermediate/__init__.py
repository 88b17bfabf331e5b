"""Tier 3: steps of requests, each taken once for all that declare the same step of the same input."""
