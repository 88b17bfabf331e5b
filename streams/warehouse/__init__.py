"""ClickHouse, where every public event ends up: a client, the migrations, and the statements the others share."""
