"""Kills hosts under load and balances the books afterwards.

Read in this order: `schedule` (when who is killed), `load` (what is sent, what was acknowledged),
`bystanders` (who has to do with rewards once they are granted), `takeover` (how long killed
workers' partitions stood still), `evidence` and `facts` (what Kafka and the warehouse hold),
`books` (the checks, pure), `experiment` (all of it in turn), `run` (the long version, by hand).
`offsets_first` and `without_tokens` are hosts with a fault put in, for the tests that show that the
checks find it.
"""
