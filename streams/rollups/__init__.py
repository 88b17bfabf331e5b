"""Sums by minute, hour and day, made anew whenever what they sum was touched."""

from streams.rollups.rolling import Rolled, roll_up

__all__ = ["Rolled", "roll_up"]
