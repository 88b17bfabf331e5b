"""Windows gather requests per lane, by size and time, before they are routed and dispatched together."""
