"""What travels and what is configured: events, results, errors, settings. Imports nothing of ours."""
