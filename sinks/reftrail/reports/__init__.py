"""What people ask about: each report a named SQL file, for the command line and HTTP alike."""
