"""Dagster's side of the pipeline, one noun per file. Pure packages do the work; this one wires and reports."""
