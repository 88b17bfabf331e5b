"""Apache Kafka itself, for tests: the jars come from Maven Central, the broker runs as one JVM."""
