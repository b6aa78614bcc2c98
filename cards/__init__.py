"""Findings in, advice and cards out. Knows no HTTP."""
