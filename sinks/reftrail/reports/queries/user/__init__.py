"""What one user has earned. Parameter of each, where nothing else is said: user, String.

Each reads a projection (`warehouse/ddl/018_by_user.sql`), so without FINAL; what came twice is left
out by its id.
"""
