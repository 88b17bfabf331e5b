"""Pairs of questions made by rule, of which it is known whether they may share an answer."""
