"""Retention: content is taken out of the archive when the policy's days are over; facts without content stay."""
