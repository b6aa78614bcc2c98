"""FHIR in, findings out. Knows FHIR and no score."""
