"""Figures of the running system for Prometheus: counted plainly where things happen, read when somebody asks.

On the request path there are dictionaries and integers of one thread, filled batch by batch. Names, labels and text
are made when an endpoint is asked. `catalogue` lists every figure; `docs/operations.md` has the same list.
"""
