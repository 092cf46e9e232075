"""Parts of the pipeline as programs of their own, where `health-etl run` would do more."""
