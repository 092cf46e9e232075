"""Programs that the pipeline is measured against. Each is a script that stands alone and imports nothing of ours."""
