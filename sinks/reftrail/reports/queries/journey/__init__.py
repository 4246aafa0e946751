"""What is known of one user and one code. Parameters: code and user, String."""
