"""SQL of the reports. A file's head names the report and explains each of its measures."""
