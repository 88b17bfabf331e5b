"""Accounting turns a completed call into the one result of its request and a usage event per paid call."""
