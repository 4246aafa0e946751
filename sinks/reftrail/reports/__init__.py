"""Reports: each a named SQL file, for the command line and HTTP alike."""
