"""ClickHouse's own Python driver's integration tests, run against the embedded endpoint.

They are in the driver's repository, not in its distribution. `ASAHI_DRIVER_TESTS` names a checkout of it (of the
tests only `tests/` is used: they run with the driver that is installed). SQLAlchemy, Alembic, polars, brotli, PyJWT
and pytest-mock add tests when they are installed; without one of them the tests that need it are left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.integration.clickhouse_server.endpoint import Endpoint

VARIABLE = "ASAHI_DRIVER_TESTS"
MINIMAL_PASSES = 500  # 808 with all of the optional packages
MAX_SECONDS = 240
MOST_RETRIES = 3

# test, why it cannot pass here
DESELECTED = {
    "test_client.py::test_role_setting_works": "chdb has no writable access storage: no roles",
    "test_client.py::test_show_row_policies": "chdb has no writable access storage: no row policies",
    "test_error_handling.py::test_wrong_port_error_message": "asks the native protocol's port 9000",
    "test_dynamic.py::test_dynamic_shared_variant_unsupported_types": "driver 1.12 decodes what it could not",
    "test_error_handling.py::test_async_non_remote_close_connection_errors_are_not_retried": (
        "driver 1.12 retries a refused connection, with no server involved"
    ),
    "test_pandas.py::test_pandas_datetime64": "calls pandas.Timestamp as pandas 3 no longer allows, before any query",
    "test_sqlalchemy/test_alembic.py::test_alembic_autogenerate_positional_engine_live": (
        "driver 1.12 renamed its dialect"
    ),
    "test_sqlalchemy/test_alembic.py::test_alembic_autogenerate_dictionary_round_trip_live": (
        "driver 1.12 renamed its dialect"
    ),
    "test_sqlalchemy/test_alembic.py::test_alembic_dictionary_downgrade_uses_drop_dictionary_live": (
        "driver 1.12 renamed its dialect"
    ),
}
# what a module needs beyond the driver; it is left out where that is missing
NEEDS = {"test_sqlalchemy": ("sqlalchemy", "alembic"), "test_error_handling.py": ("pytest_mock",)}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    checkout = os.environ.get(VARIABLE)
    if not checkout:
        pytest.skip(f"{VARIABLE} names no checkout of clickhouse-connect")
    source = Path(checkout) / "tests"
    if not (source / "integration_tests").is_dir():
        pytest.fail(f"{VARIABLE} names {checkout}, which has no tests/integration_tests")
    # a copy: beside it there is no package that hides the installed driver, and none of the checkout's settings
    missing = [name for name, packages in NEEDS.items() if any(find_spec(package) is None for package in packages)]
    shutil.copytree(source, tmp_path / "tests", ignore=shutil.ignore_patterns(*missing))
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = session\n")
    return tmp_path


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    running = Endpoint(tmp_path / "clickhouse")
    running.start()
    yield running
    running.stop()


@pytest.mark.timeout(MAX_SECONDS + 60)
def test_the_drivers_own_tests_pass(suite: Path, endpoint: Endpoint) -> None:
    root = Path("tests", "integration_tests")
    options = [f"--deselect={root / name}" for name in DESELECTED]
    try:
        run = run_suite(suite, endpoint, *options, *(["-n2"] if find_spec("xdist") else []))
    except subprocess.TimeoutExpired:
        pytest.skip(f"the machine is too busy: the driver's tests were not through after {MAX_SECONDS} s")
    counts = {
        what: int(number) for number, what in re.findall(r"(\d+) (\w+)", run.stdout.rstrip().rpartition("\n")[2])
    }
    print(*(f"{what}={number}" for what, number in counts.items()))  # noqa: T201 - a figure to report, with -s
    tail = run.stdout[-6000:] + run.stderr[-2000:]
    assert counts.get("passed", 0) >= MINIMAL_PASSES, tail
    assert counts.get("failed", 0) + counts.get("errors", 0) <= MOST_RETRIES, tail
    if run.returncode != 0:
        # some of them measure wall time: what failed beside another worker may pass alone
        alone = run_suite(suite, endpoint, *options, "--last-failed")
        assert alone.returncode == 0, tail + alone.stdout[-6000:]


def run_suite(suite: Path, endpoint: Endpoint, *options: str) -> subprocess.CompletedProcess[str]:
    root = Path("tests", "integration_tests")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-Wignore", "--tb=short", *options, str(root)],
        cwd=suite,
        env=os.environ
        | {"CLICKHOUSE_CONNECT_TEST_HOST": "127.0.0.1", "CLICKHOUSE_CONNECT_TEST_PORT": str(endpoint.port)},
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
        check=False,
    )
