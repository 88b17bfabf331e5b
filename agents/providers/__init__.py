"""Where calls are made: from `Call` to `Completion`, overlapping, so that a slow call never holds up the others.

Read in this order: `protocol` (what a provider is), `simulated`, `recorded` and `openai_compatible` (the providers),
`registry` (which kinds there are), `limiter`, `retries` and `runner` (how calls are made).
"""
