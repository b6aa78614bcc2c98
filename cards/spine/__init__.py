"""The spine: stability, cord compression, prognosis, surgery."""
