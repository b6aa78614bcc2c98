"""Tools of the project: what prints the documentation and what made the terminology files."""
