"""Sensors: what Dagster does by itself. planner.py decides; the others look, and tell Dagster."""
