"""The `health-etl` command: one command group a file. Decides nothing about health data."""
