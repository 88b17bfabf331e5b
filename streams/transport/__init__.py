"""Faust's Kafka transport, made for micro-batches: whole fetches as messages, exact offsets, short waits."""
