"""The exact cache: the same question of the same tenant is answered once, also while its answer is under way."""
