"""Facts that several advisories need, each worked out once a chart: diagnosis, exposure, calcium, renal function."""
