"""Calcium: too high, too low, supplements."""
