"""Recommendations: what the log says could be had for less, each checked by deciding logged requests again."""
