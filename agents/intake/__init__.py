"""From a request on the topic to a call on its way: runs the stages that share the tenant's key as one fold.

Governance, cache, windows and routing are keyed alike and need nothing durable between them, so they run in one agent
without a hop between; each is a pure step in its own room. See `docs/adr/0003-one-agent-per-key.md`.
"""
