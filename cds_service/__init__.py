"""CDS Hooks over HTTP, and the `osteohooks` command. The only package that knows HTTP."""
