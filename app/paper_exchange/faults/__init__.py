"""The venue as an adversary: faults that are armed as data and bite in one place."""
