import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createReftrail } from '../src/core.ts'
import { digest } from '../src/ids.ts'
import { OPTIONS, Page, START } from './page.ts'

const DAY = 86_400_000

test('the first code is kept with its time, the second reported', async () => {
  const page = new Page('/?ref=AMY')
  createReftrail(OPTIONS)
  await page.pass(DAY)
  page.go('/?ref=BOB')
  const reftrail = createReftrail(OPTIONS)!
  await page.pass(200)
  assert.deepEqual(reftrail.getAttribution(), { code: 'AMY', time: START })
  assert.deepEqual(page.events.map(({ code }) => code), ['AMY', 'BOB'])
})

test('a code holds for the window of its campaign', async () => {
  const page = new Page('/?ref=AMY')
  const reftrail = createReftrail({ ...OPTIONS, window: 7 })!
  await page.pass(7 * DAY - 1)
  assert.equal(reftrail.getAttribution()!.code, 'AMY')
  await page.pass(1)
  assert.equal(reftrail.getAttribution(), null)
  page.go('/?ref=BOB')
  reftrail.view()
  assert.equal(reftrail.getAttribution()!.code, 'BOB')
})

test('without a code there is no attribution', () => {
  for (const path of ['/', '/?ref=', '/?ref=%20', '/?ref=%3Cscript%3E', '/?ref=' + 'A'.repeat(65)]) {
    new Page(path)
    assert.equal(createReftrail(OPTIONS)!.getAttribution(), null)
  }
})

test('a link counts once a day, however often its page is loaded', async () => {
  const page = new Page('/?ref=AMY')
  const ids = []
  for (const wait of [0, 1000, DAY]) {
    await page.pass(wait)
    createReftrail(OPTIONS)
    await page.pass(200)
    ids.push(page.events.at(-1)!.event_id)
  }
  assert.equal(ids[0], ids[1])
  assert.notEqual(ids[1], ids[2])
})

test('the click has the id that the collector gave it', async () => {
  const page = new Page('/?ref=AMY&ref_click=0123456789ab')
  const reftrail = createReftrail(OPTIONS)!
  await page.pass(200)
  assert.equal(page.events[0]!.event_id, reftrail.getVisitorId().slice(0, 24) + '0123456789ab')
})

test('events name the source in the address, and none where it names none', async () => {
  const page = new Page('/?ref=AMY&utm_source=spring%20mail')
  createReftrail(OPTIONS)!.view()
  await page.pass(200)
  assert.deepEqual(page.events.map((event) => [event.type, event.utm_source]), [
    ['click', 'spring mail'],
    ['view', 'spring mail'],
  ])
  const other = new Page('/?ref=AMY')
  createReftrail(OPTIONS)!.view()
  await other.pass(200)
  assert.ok(other.events.length && other.events.every((event) => event.utm_source === null))
})

test('cookies are for all hosts of the site, and the visitor is kept in both stores', () => {
  const page = new Page('/?ref=AMY')
  const visitor = createReftrail(OPTIONS)!.getVisitorId()
  assert.match(visitor, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  assert.equal(page.cookies.kept.get('reftrail_visitor'), visitor)
  assert.equal(page.store.reftrail_visitor, visitor)
  page.cookies.kept.clear()
  assert.equal(createReftrail(OPTIONS)!.getVisitorId(), visitor)
  page.store = {}
  assert.notEqual(createReftrail(OPTIONS)!.getVisitorId(), visitor)
})

test('a visitor of the collector is taken, a broken one replaced', () => {
  const page = new Page()
  const given = '01890a5d-ac96-774b-bcce-b302099a8057'
  page.cookies.kept.set('reftrail_visitor', given)
  assert.equal(createReftrail(OPTIONS)!.getVisitorId(), given)
  page.cookies.kept.set('reftrail_visitor', 'me')
  assert.notEqual(createReftrail(OPTIONS)!.getVisitorId(), 'me')
})

test('without cookies and storage events are sent all the same', async () => {
  const page = new Page('/?ref=AMY')
  page.cookies.blocked = true
  const reftrail = createReftrail(OPTIONS)!
  reftrail.view()
  await page.pass(200)
  assert.deepEqual(page.types, ['click', 'view'])
  assert.equal(new Set(page.events.map(({ visitor_id }) => visitor_id)).size, 1)
  assert.equal(reftrail.getAttribution()!.code, 'AMY')
})

test('a full storage is no error of the page', async () => {
  const page = new Page('/?ref=AMY')
  page.store = new Proxy({}, { set: () => assert.fail('QuotaExceededError') })
  createReftrail(OPTIONS)!.view()
  await page.pass(200)
  assert.equal(page.cookies.kept.size, 2)
  assert.equal(page.errors.length, 2)
})

test('without agreement nothing is made', () => {
  for (const [options, globalPrivacyControl] of [
    [{ consent: false }, undefined],
    [{}, true],
    [{ consent: 'required' as unknown as boolean }, undefined],
  ] as const) {
    const page = new Page('/?ref=AMY', { navigator: { globalPrivacyControl } })
    assert.equal(createReftrail({ ...OPTIONS, ...options }), undefined)
    assert.deepEqual(page.store, {})
    assert.equal(page.cookies.cookie, '')
  }
  new Page('/', { navigator: { globalPrivacyControl: true } })
  assert.ok(createReftrail({ ...OPTIONS, consent: true }))
})

test('a prerendered page keeps and reports nothing before it is seen', async () => {
  const page = new Page('/?ref=AMY')
  page.prerendering = true
  const reftrail = createReftrail(OPTIONS)!
  reftrail.view()
  reftrail.click('BOB')
  await page.pass(1000)
  assert.deepEqual([page.sent, page.store, page.cookies.cookie], [[], {}, ''])
  page.activate()
  await page.pass(200)
  assert.deepEqual(page.events.map(({ type, code }) => [type, code]), [['click', 'AMY'], ['view', 'AMY'], ['click', 'BOB']])
  for (const { event_time } of page.events) assert.equal(Date.parse(event_time!), START + 1000)
  assert.deepEqual(reftrail.getAttribution(), { code: 'AMY', time: START + 1000 })
})

test('digests of similar texts differ', () => {
  const texts = Array.from({ length: 20_000 }, (_, number) => `clickC${number}`)
  texts.push('Aa', 'BB', 'AaBB', 'BBAa', '')
  assert.equal(new Set(texts.map(digest)).size, texts.length)
  for (const text of texts) assert.match(digest(text), /^[\da-f]{12}$/)
})
