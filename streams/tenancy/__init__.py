"""What the stages keyed by tenant share: a partition's state, its recovery, and making decisions durable."""
