"""Child processes that let Asahi run on one machine: they speak the wire protocols of the real services."""
