#!/usr/bin/env bash
# Makes sure of what pip cannot install: Python, make and a C++ compiler (annoy is built from source).
# With --tests also Java and Maven, and the jars of the Apache Kafka that the tests run.
# Installs what is missing when it may (root, apt); otherwise names all of it in one line. Quick when nothing is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests=false
case "${1:-}" in
  --tests) tests=true ;;
  "") ;;
  *) echo "usage: scripts/prerequisites.sh [--tests]" >&2; exit 2 ;;
esac

python=${PYTHON:-python3}
readonly wanted_python="import sys; sys.exit(sys.version_info < (3, 11))"

has() { command -v "$1" >/dev/null 2>&1; }
python_is() { has "$python" && "$python" -c "$1" >/dev/null 2>&1; }

java_is_17() {
  local java=java major
  [[ -n "${JAVA_HOME:-}" ]] && java="$JAVA_HOME/bin/java"
  has "$java" || return 1
  major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [[ "${major:-0}" -ge 17 ]]
}

# What is missing, as "program:package" pairs.
missing() {
  python_is "$wanted_python" || echo "python>=3.11:python3"
  python_is "import ensurepip, venv" || echo "python-venv:python3-venv"
  python_is "import os, sysconfig; os.stat(os.path.join(sysconfig.get_path('include'), 'Python.h'))" \
    || echo "python-headers:python3-dev"
  has make || echo "make:make"
  has "${CXX:-g++}" || echo "g++:g++"
  if $tests; then
    java_is_17 || echo "java>=17:openjdk-17-jre-headless"
    has mvn || echo "maven:maven"
  fi
}

lacking=$(missing)
if [[ -n "$lacking" && "$(id -u)" == 0 ]] && has apt-get; then
  mapfile -t packages < <(cut -d: -f2 <<<"$lacking")
  echo "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Failures are not hidden: what is still missing is named below, with what apt said above it.
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >&2 || true
  lacking=$(missing)
fi
if [[ -n "$lacking" ]]; then
  echo "missing: $(cut -d: -f1 <<<"$lacking" | paste -sd' ') (Debian packages: $(cut -d: -f2 <<<"$lacking" | paste -sd' '))" >&2
  exit 1
fi

if $tests; then
  "$python" -m tests.kafka.jars >/dev/null
fi
