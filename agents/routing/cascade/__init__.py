"""Whether an answer holds: validators, and a learned probability over prompt and answer."""
