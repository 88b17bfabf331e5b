"""The methods that compete for a series. Each is fitted once and then asked from many origins."""
