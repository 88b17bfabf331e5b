"""Forecasts of one series at a time: what is to come, how far off it may be, and when a budget ends."""
