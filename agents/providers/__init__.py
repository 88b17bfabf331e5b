"""Where calls are made: from `Call` to `Completion`, overlapping, so that a slow call never holds up the others.

Read in this order: `protocol` (what a provider is), `registry` (which kinds there are) with `openai`, `anthropic`,
`openai_compatible`, `simulated` and `recorded`; `endpoint` and `refusals` (how HTTP fails), `chat_completions`,
`responses` and `messages` (the wire formats); then `runner` (how calls are made), `gate` and `lane` (when), and what
a lane consists of: `limiter`, `concurrency`, `pace`, `headroom`, `breaker`, `budget`; and `retries` (what follows).
"""
