"""What is known of one code. Parameter: code, String."""
