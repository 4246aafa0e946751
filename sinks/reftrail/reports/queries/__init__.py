"""The reports' SQL. A file's head says what the report is and what each of its measures means."""
