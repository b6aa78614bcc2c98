"""Fracture risk: is a long bone or the pelvis about to break?"""
