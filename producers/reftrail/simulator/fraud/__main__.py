"""python -m reftrail.simulator.fraud: the table of precision and recall, for several seeds."""

import argparse
import sys

from reftrail.contracts.record import DAY
from reftrail.simulator.fraud import Score, played, score, tables, town_of


def main() -> None:
    """Play so many towns and print what came of them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many towns")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--referrals", type=int, default=5_000, help="in each town")
    parser.add_argument(
        "--carelessness",
        type=float,
        default=1,
        help="how often fraudsters use scripts and throw-away e-mail, against what is assumed",
    )
    parser.add_argument(
        "--hold-for", type=int, default=0, help="days the campaigns keep grants back"
    )
    parser.add_argument(
        "--repeats-signals",
        type=float,
        default=0,
        help="share of shops whose server repeats address, device and e-mail with a purchase",
    )
    chosen = parser.parse_args()
    total, by_seed = Score(), {}
    for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
        town = town_of(
            seed,
            chosen.referrals,
            carelessness=chosen.carelessness,
            hold_for=chosen.hold_for * DAY,
            repeats_signals=chosen.repeats_signals,
        )
        ledger = played(town)
        score(town.truth, ledger, total)
        by_seed[seed] = score(town.truth, ledger, Score())
    sys.stdout.write(tables(total, by_seed))


if __name__ == "__main__":
    main()
