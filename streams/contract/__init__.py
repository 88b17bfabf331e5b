"""The contract as documents, generated from the catalogue and the models: JSON Schemas, AsyncAPI, tables in the docs.

`python -m streams.contract` writes them; a test fails when they are stale.
"""
