"""The semantic tier: whether two questions may share an answer, and how sure that is."""
