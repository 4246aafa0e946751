import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createReftrail } from '../src/core.ts'
import { OPTIONS, Page } from './page.ts'

test('events of a moment leave in one request, under the key', async () => {
  const page = new Page('/?ref=AMY')
  const reftrail = createReftrail(OPTIONS)!
  reftrail.view()
  await page.pass(0)
  assert.equal(page.sent.length, 0)
  await page.pass(200)
  assert.deepEqual(page.types, ['click', 'view'])
  assert.equal(page.sent[0]!.url, 'https://events.shop.example/v1/events?key=pk')
  assert.deepEqual(Object.keys(page.store).sort(), ['reftrail_first', 'reftrail_visitor'])
})

test('an event is kept, and sent again under its id, until the collector answers', async () => {
  const page = new Page()
  page.answers = [new Error('offline'), { status: 503 }, { status: 500 }]
  createReftrail(OPTIONS)!.view()
  for (let tries = 1; tries <= 4; tries++) {
    await page.pass(tries == 1 ? 200 : 10_000)
    assert.equal(page.sent.length, tries)
  }
  assert.equal(new Set(page.events.map(({ event_id }) => event_id)).size, 1)
  await page.pass(1e6)
  assert.equal(page.sent.length, 4)
})

test('pauses grow, up to five minutes', async () => {
  const page = new Page()
  page.answers = Array.from({ length: 30 }, () => new Error('offline'))
  createReftrail(OPTIONS)!.view()
  await page.pass(200)
  for (let tries = 0; tries < 20; tries++) {
    const longest = Math.min(300_000, 1000 * 2 ** tries)
    await page.pass(longest / 2 - 1)
    assert.equal(page.sent.length, tries + 1, `before try ${tries + 1}`)
    await page.pass(longest / 2 + 1)
    assert.equal(page.sent.length, tries + 2, `at try ${tries + 1}`)
  }
})

test('the collector says when to come back', async () => {
  const page = new Page()
  page.answers = [{ status: 429, retryAfter: '40' }]
  createReftrail(OPTIONS)!.view()
  await page.pass(200)
  await page.pass(39_999)
  assert.equal(page.sent.length, 1)
  await page.pass(1)
  assert.equal(page.sent.length, 2)
})

test('when the network is back, it is used at once', async () => {
  const page = new Page()
  page.answers = [new Error('offline'), new Error('offline'), new Error('offline')]
  createReftrail(OPTIONS)!.view()
  await page.pass(200)
  await page.pass(1000)
  await page.pass(2000)
  page.dispatchEvent(new Event('online'))
  await page.pass(0)
  assert.equal(page.sent.length, 4)
  assert.equal(Object.keys(page.store).length, 1)
})

test('what is refused is reported, and not sent again', async () => {
  for (const answer of [
    { status: 401, said: '{"error": "give a known API key"}' },
    { status: 202, said: '{"accepted":0,"rejected":[{"index":0}]}' },
  ]) {
    const page = new Page()
    page.answers = [answer]
    createReftrail(OPTIONS)!.view()
    await page.pass(200)
    await page.pass(1e6)
    assert.equal(page.sent.length, 1)
    assert.deepEqual(page.errors, [['reftrail', answer.said]])
  }
})

test('a page that goes away hands its events to the browser; the next one sends them again', async () => {
  const page = new Page()
  createReftrail(OPTIONS)!.view()
  page.dispatchEvent(new Event('pagehide'))
  assert.deepEqual(page.sent.map(({ beacon }) => beacon), [true])
  const { store } = page
  const next = new Page()
  next.store = store
  createReftrail(OPTIONS)
  await next.pass(0)
  assert.deepEqual(next.events, page.events)
  assert.equal(Object.keys(store).length, 1)
})

test('more events than a request takes leave in several', async () => {
  const page = new Page()
  const reftrail = createReftrail(OPTIONS)!
  for (let views = 0; views < 120; views++) reftrail.view()
  await page.pass(200)
  await page.pass(0)
  await page.pass(0)
  assert.deepEqual(page.sent.map(({ events }) => events.length), [50, 50, 20])
})

test('a full queue says so', () => {
  const page = new Page()
  const reftrail = createReftrail(OPTIONS)!
  for (let views = 0; views < 210; views++) reftrail.view()
  assert.deepEqual(page.errors[0], ['reftrail', 'queue full'])
})
