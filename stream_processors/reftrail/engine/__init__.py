"""The topology and the hosts that run it: in memory, and on Kafka through Faust."""
