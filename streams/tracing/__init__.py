"""Traces of requests, made from their results: what a result says is enough, and no worker pays for it.

Why here and not on the way: docs/adr/0023-where-spans-are-made.md.
"""
