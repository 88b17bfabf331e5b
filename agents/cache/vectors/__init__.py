"""Finding the nearest of many embeddings, whatever engine does it."""
