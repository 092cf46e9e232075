# The image of all three Dagster processes: code server, webserver and daemon. docker-compose.yml says which runs what.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
# Dependencies change rarely: they get a layer of their own, built before our code is copied.
COPY setup.py pyproject.toml constraints.txt LICENSE ./
COPY health_etl/__init__.py health_etl/
RUN pip install --constraint constraints.txt .
COPY health_etl/ health_etl/
RUN pip install --no-deps --force-reinstall . && pip check

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --home-dir /srv/health_etl --create-home health_etl
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DAGSTER_HOME=/srv/health_etl/dagster_home
USER 10001
WORKDIR /srv/health_etl
COPY --chown=10001 deploy/dagster.yaml dagster_home/
COPY workspace.yaml ./
COPY deploy/code_server.yaml deploy/
CMD ["health-etl", "doctor"]
