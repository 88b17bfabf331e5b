"""The compliance report: what the log proves about one tenant, and which articles and controls that speaks to."""
