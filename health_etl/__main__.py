"""`python -m health_etl` is `health-etl`."""

from health_etl.cli.app import app

app()
