"""Benchmarks: what the pipeline costs, as ratios to something plain that is measured in the same minute."""
