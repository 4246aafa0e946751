"""Explanation of what a user has earned under a code, from Kafka's log.

Begin with `chain`. `journey` is what the warehouse knows, `log` reads single messages of Kafka,
`derivation` makes the decisions again, `explanation` is the answer and how it reads.
"""
