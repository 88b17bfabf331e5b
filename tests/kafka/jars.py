"""Where the jars of the Kafka broker are, and how they get there.

`python -m tests.kafka.jars` downloads them; needs the standard library only.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_POM = Path(__file__).with_name("pom.xml")
_DOWNLOAD_SECONDS = 300


class KafkaUnavailable(Exception):
    """Apache Kafka cannot run here; the message says what is missing."""


def kafka_version() -> str:
    """The version that `pom.xml` names."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", _POM.read_text())
    assert found is not None, f"{_POM} names no kafka.version"
    return found[1]


def kafka_home() -> Path:
    """The folder of jars: `KAFKA_TEST_HOME`, or one per version in the checkout's cache."""
    named = os.environ.get("KAFKA_TEST_HOME")
    return Path(named).absolute() if named else _ROOT / ".cache" / f"kafka-{kafka_version()}"


def java() -> str:
    """The Java program, `JAVA_HOME`'s first."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        raise KafkaUnavailable("Java 17 is missing: run scripts/prerequisites.sh --tests")
    return found


def ensure_jars() -> Path:
    """Return the folder of jars, downloading them when it is not there yet."""
    home = kafka_home()
    if _complete(home):
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test workers: one downloads, the others find it done
        if not _complete(home):
            _download(home)
    return home


def _complete(home: Path) -> bool:
    return any(home.glob("kafka_2.13-*.jar"))


def _download(home: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable(
            f"no Kafka jars in {home} and no Maven to fetch them: run scripts/prerequisites.sh --tests"
        )
    unfinished = home.with_name(home.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={unfinished}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as slow:
        raise KafkaUnavailable(f"Maven did not fetch Kafka within {_DOWNLOAD_SECONDS} s") from slow
    if done.returncode != 0:
        raise KafkaUnavailable(f"Maven could not fetch Kafka: {done.stdout[-500:]}{done.stderr[-500:]}")
    shutil.rmtree(home, ignore_errors=True)
    unfinished.rename(home)


if __name__ == "__main__":
    try:
        print(ensure_jars())  # noqa: T201 - the path is this command's answer
    except KafkaUnavailable as missing:
        sys.exit(str(missing))
