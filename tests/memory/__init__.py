"""A log, a consumer group and workers in memory: the whole pipeline without broker, in virtual time."""
