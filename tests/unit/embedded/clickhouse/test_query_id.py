from __future__ import annotations

from streams.embedded.clickhouse.query_id import comment, with_client_ids


def test_a_comment_of_the_clients_own_stays_behind_the_id() -> None:
    assert comment("q", "") == "q"
    assert comment("q", "why") == "q\twhy"


def test_kill_means_the_clients_ids() -> None:
    assert with_client_ids(b"KILL QUERY WHERE query_id = 'x' SYNC") == (
        b"KILL QUERY WHERE if(Settings['log_comment'] = '', query_id, "
        b"splitByChar('\\t', Settings['log_comment'])[1]) = 'x' SYNC"
    )


def test_other_statements_are_left_alone() -> None:
    sql = b"CREATE TABLE t (query_id String) ENGINE = Memory"
    assert with_client_ids(sql) is sql
