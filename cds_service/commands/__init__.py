"""The commands, one file for those that belong together. What they need is imported when they run."""
