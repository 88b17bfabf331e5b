"""Servers that tests and benchmarks start beside the product; loopback only."""
