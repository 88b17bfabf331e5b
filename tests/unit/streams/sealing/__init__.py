"""Sealing: laws of the envelope and of sealed requests."""
