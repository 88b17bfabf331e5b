"""The first stage: what arrived becomes requests, and each is admitted, rejected or, without an id, buried."""
