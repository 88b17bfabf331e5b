"""Routing chooses a model for each request, says why, and addresses the call to the dispatch topic."""
