"""Who sent a message, proven by its signature; what is not proven is refused and never ends a request."""
