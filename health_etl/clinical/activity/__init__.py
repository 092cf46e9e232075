"""What steps and active energy share: totals, hours, sources and trends of a day."""
