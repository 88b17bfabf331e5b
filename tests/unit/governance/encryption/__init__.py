"""Data keys, their wrapping and their vault."""
