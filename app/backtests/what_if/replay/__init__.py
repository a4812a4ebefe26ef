"""Alarms passed once more through the corridor's rules, on candles in place of a venue."""
