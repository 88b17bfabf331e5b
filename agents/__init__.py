"""The stages of a request, one package each. They import `schemas` and `streams`, never each other."""
