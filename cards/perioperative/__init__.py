"""Before and after an operation: drugs to hold, embolisation, intervals, prophylaxis."""
