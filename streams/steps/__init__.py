"""Steps of requests: what is asked for them, what they may cost, and what they came to. Pure."""
