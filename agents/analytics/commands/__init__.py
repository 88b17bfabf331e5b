"""What people run: they read ClickHouse and write facts, and leave every judgement to the pure modules."""
