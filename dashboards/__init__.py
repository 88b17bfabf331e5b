"""What people look at: queries and pages over ClickHouse."""
