"""The `health-etl` command: one command group per file. Decides nothing about health data."""
