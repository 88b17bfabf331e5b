"""How good the semantic cache is, measured on pairs of questions."""
