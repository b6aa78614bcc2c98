"""Diagnosis and response: is it a metastasis, and does it respond?"""
