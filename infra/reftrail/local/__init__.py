"""The whole of reftrail on one machine: broker, hosts, their supervisor, their keys."""
