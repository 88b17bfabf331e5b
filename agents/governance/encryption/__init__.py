"""Data keys: made, wrapped, kept in a vault that can forget, and held unwrapped for as long as they exist."""
