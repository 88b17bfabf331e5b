"""Offline workloads: a JSONL file of requests in, a JSONL file of results out, in the same order.

The way of a line: `source` reads it, `parsing` (and `openai_batch`) make it a request with a stable id, `window`
keeps it until it is answered, `packing` and `sending` put it into a message with others, `following` finds its result
on `asahi.results`, `rows` (and `openai_output`) render it, and `journal` remembers how far all that is safely on
disk. `run` is their bookkeeping, `submission` the loops around it; `single` does the same for one lone request.
"""
