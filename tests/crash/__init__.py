"""Crash tests: kill hosts under load, then check the invariants.

While events come in, rewards live: by the terms of their campaigns they are held, for a score or
for a while, run into limits, expire. Customers have orders paid back, a reviewer decides over HTTP,
fulfilment asks partners that fail and forget. All hosts are killed meanwhile, the broker and the
reviewer too; only the partners aren't, since their records are evidence. Once ticks have released
what was due and nothing is open any more, everything is compared: with an oracle that replays the
log, and each side of what happened to a reward with the other.

`make crash-broker` kills the broker ten times, with a collector that has a spool. `make crash` lets
more happen meanwhile: workers are stopped past their session and go on, a third one joins and
leaves, consumer groups are deleted, records that no host can take are written, and what everybody
has read is removed from the beginning of topics. At the end a log loses its end below a committed
position: hosts must refuse it, saying what to do, and go on once it is restored.

Read in this order: `schedule` (when who is killed), `chaos` (what else happens), `poison` (records
that no host can take, and what must become of them), `cut_short` (a log without its end), `terms`
(of the campaigns), `load` and `customers` (what is sent, what was acknowledged), `reviewer` (a host
that decides), `processes` (all hosts), `rest` (when nothing is left to happen), `takeover` (how
long killed workers' partitions stood still), `stalls` (how long anything waited to be read),
`evidence` and `facts` (what Kafka and the warehouse hold), `invariants` and `outcomes` (the checks,
pure, and whether limits were reached so that there was something to check), `experiment` (all of it
in turn), `report` (what a
person reads of it), `run` (the long version, by hand).

`faultless_run` is evidence without a fault; `test_invariants` and `test_outcomes` inject one for
each check (`outcome_faults`). `offsets_first` and `without_tokens` are hosts with a fault put in,
for the tests that show that the checks find it. `test_leaders` has three brokers, and a collector
alone: leaders of partitions are killed, and stopped, while it takes events.
"""
