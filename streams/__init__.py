"""The running system: topics, codecs, transport, sink, embedded services, command line. Imports `schemas`."""
