"""Merges of many users into one account, each of whom a referral has ended; in memory.

All signed up by the code that referred the account, which signed up before them. Processor time of
a merge, all stages together, for few and for many merges: a merge should cost as much behind a
thousand as behind a hundred. Then an order comes, and the account is merged further.

    python benchmarks/merges.py [--merges 250,500,1000]
"""

import argparse
import json
import time
from typing import Final

from reftrail.contracts.decisions import Attributed, Basis
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.record import Record
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS
from reftrail.testing import MemoryHost, campaign, code, purchase, signup, users_merged

TRUSTING: Final = Fraud(grant_up_to=999, reject_from=1_000)


def main() -> None:
    """Measure, and print a line for each number of merges and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merges", default="250,500,1000")
    numbers = [int(number) for number in parser.parse_args().merges.split(",")]
    each = {many: _seconds_of(many) for many in numbers}
    for many, (merged, ordered, further) in each.items():
        print(
            f"{many:,} merges {merged:.2f} s, {merged / many * 1e6:,.0f} us each; an order then "
            f"{ordered * 1e3:.0f} ms; the account's own merge {further * 1e3:.0f} ms"
        )
    few, most = (each[many][0] / many for many in (numbers[0], numbers[-1]))
    print(json.dumps({"merge_us": round(most * 1e6), "merges_ratio": round(most / few, 2)}))


def _seconds_of(many: int) -> tuple[float, float, float]:
    """Processor time of so many merges, of an order after them, and of a further merge."""
    host = MemoryHost(wire=False)
    policy = policy_text(Policy(repeats=0, fraud=TRUSTING))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner="amy"))
    host.publish(EVENTS, _signup("account", "09:00"))
    guests = [f"guest {nth}" for nth in range(many)]
    for nth, guest in enumerate(guests):
        host.publish(EVENTS, _signup(guest, f"10:{nth // 60 % 60:02}:{nth % 60:02}"))
    host.run()
    merged = sum(
        _seconds(host, users_merged(guest, "account", "20:00", event_id=f"merge {guest}"))
        for guest in guests
    )
    ended = [record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)]
    ended_by_merges = len([record for record in ended if record.basis == Basis.MERGED])
    assert ended_by_merges == many
    ordered = _seconds(host, purchase("o1", "21:00", user_id=guests[-1]))
    first = _signup("other", "08:00")
    further = _seconds(host, first, users_merged("account", "other", "22:00"))
    return merged, ordered, further


def _signup(user: str, at: str) -> Record:
    return signup(at, user_id=user, typed="AMY", visitor_id=None, event_id=f"{user} joins")


def _seconds(host: MemoryHost, *events: Record) -> float:
    begun = time.process_time()
    host.publish(EVENTS, *events)
    host.run()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
