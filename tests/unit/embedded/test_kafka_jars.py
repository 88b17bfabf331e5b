"""The test rig says what it lacks: a skipped test must tell its reader what to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kafka.jars import KafkaUnavailable, ensure_jars, java, kafka_home, kafka_version


def test_the_version_is_the_one_of_the_pom() -> None:
    assert kafka_version().startswith("4.")


def test_the_cache_is_per_version_unless_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KAFKA_TEST_HOME", raising=False)
    assert kafka_home().name == f"kafka-{kafka_version()}"
    monkeypatch.setenv("KAFKA_TEST_HOME", str(tmp_path))
    assert kafka_home() == tmp_path


def test_jars_that_are_there_need_no_maven(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kafka_2.13-4.3.1.jar").touch()
    monkeypatch.setenv("KAFKA_TEST_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert ensure_jars() == tmp_path


def test_without_maven_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAFKA_TEST_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(KafkaUnavailable, match=r"scripts/prerequisites\.sh --tests"):
        ensure_jars()


def test_a_maven_that_fails_is_quoted_and_leaves_nothing_half_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text('#!/bin/sh\necho "no such artifact"\nexit 1\n')
    maven.chmod(0o755)
    home = tmp_path / "jars"
    monkeypatch.setenv("KAFKA_TEST_HOME", str(home))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KafkaUnavailable, match="no such artifact"):
        ensure_jars()
    assert not home.exists()


def test_without_java_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(KafkaUnavailable, match=r"scripts/prerequisites\.sh --tests"):
        java()
