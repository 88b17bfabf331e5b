"""Online detection of anomalies in series of numbers. Pure: no clock, no network, no look-ahead."""
