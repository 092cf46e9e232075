"""Code that steps and active energy share: a day's totals, hours, sources and trends."""
