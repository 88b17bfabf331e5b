"""Personal data in prompts: found, counted, replaced and put back; and signs of prompt injection."""
