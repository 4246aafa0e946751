"""The `reftrail` command: one module per subcommand, each thin."""
