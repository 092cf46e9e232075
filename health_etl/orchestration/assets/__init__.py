"""Dagster assets, built by factories over the record types."""
