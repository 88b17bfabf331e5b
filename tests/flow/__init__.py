"""Requests, journeys, calls and models for tests of the stages."""
