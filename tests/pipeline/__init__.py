"""The whole pipeline in memory."""
