"""What the log tells about itself while it flows: anomalies and forecasts."""
