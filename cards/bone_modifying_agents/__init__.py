"""Denosumab and bisphosphonates: start, interval, stop, duplicates, jaw and kidney."""
