"""Radiotherapy and pain."""
