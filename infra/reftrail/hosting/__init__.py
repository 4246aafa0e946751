"""What hosts do alike: begin with their settings, serve HTTP, end their process."""
