"""The calendar: what stands on it, for how long, what gets in whose way, and moving it."""
