# One image for every process of the cluster: `worker`, the sink, migrations and the command line.
FROM python:3.11-slim AS build

RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

# annoy compiles for the very processor it is built on, unless told otherwise: an image runs on others too.
ENV ANNOY_COMPILER_ARGS="-D_CRT_SECURE_NO_WARNINGS,-fpermissive,-O3,-ffast-math,-fno-associative-math,-DANNOYLIB_MULTITHREADED_BUILD,-std=c++14" \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

RUN python -m venv /opt/asahi
WORKDIR /src

# The dependencies change seldom and take long: a layer of their own.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
    && /opt/asahi/bin/pip install --requirement requirements.txt --constraint constraints.txt

COPY README.md ./
COPY schemas schemas
COPY streams streams
COPY agents agents
COPY dashboards dashboards
RUN /opt/asahi/bin/pip install --no-deps . \
    && /opt/asahi/bin/python -m compileall -q /opt/asahi/lib


FROM python:3.11-slim

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin asahi \
    && install --directory --owner=asahi --mode=0700 /var/lib/asahi
COPY --from=build /opt/asahi /opt/asahi
WORKDIR /app
COPY config config

ENV PATH="/opt/asahi/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    ASAHI_CONFIG=/app/config/cluster.yaml \
    ASAHI_AUDIT_FOLDER=/var/lib/asahi/audit

USER asahi
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 CMD ["asahi", "status", "--json"]
ENTRYPOINT ["asahi"]
CMD ["worker"]
