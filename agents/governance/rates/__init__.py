"""Rate limits of nested scopes: requests and tokens per minute, bursts, and requests in flight."""
