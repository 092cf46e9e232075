"""What is out of date, and what to run for it. Pure functions, no dagster."""
