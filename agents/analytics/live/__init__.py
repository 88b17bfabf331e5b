"""The analyst: a process that finds anomalies while they happen, and forecasts.

It reads figures by the minute from ClickHouse and never a request or a result: what it costs does not grow with the
traffic. Organizations are divided among analysts by a consumer group over `asahi.anomalies`, which has their
partitions; what is known of them is noted on `asahi.internal.watch`.
"""
