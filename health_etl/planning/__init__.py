"""Planning: what is out of date, and what to run for it. Submitting runs belongs in orchestration/."""
