"""The audit trail: sealed record by record, signed now and then, verified and queried by whoever may."""
