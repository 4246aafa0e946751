import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createReftrail } from '../src/index.ts'
import { OPTIONS, Page, START } from './page.ts'

const ASKED = { ...OPTIONS, consent: false }

test('what happened before the answer is reported after it, under its own time', async () => {
  const page = new Page('/?ref=AMY')
  const reftrail = createReftrail(ASKED)
  reftrail.view()
  await page.pass(60_000)
  assert.deepEqual([page.sent, page.store, page.cookies.cookie], [[], {}, ''])
  assert.equal(reftrail.getVisitorId(), undefined)
  page.go('/cart')
  reftrail.consent(true)
  await page.pass(200)
  assert.deepEqual(page.types, ['click', 'view'])
  assert.deepEqual(page.events.map(({ code }) => code), ['AMY', 'AMY'])
  for (const { event_time } of page.events) assert.equal(Date.parse(event_time!), START)
  assert.deepEqual(reftrail.getAttribution(), { code: 'AMY', time: START })
})

test('what happened under a refusal is never reported, the code is', async () => {
  const page = new Page('/?ref=AMY')
  const reftrail = createReftrail(ASKED)
  reftrail.view()
  reftrail.consent(false)
  reftrail.formStarted()
  reftrail.consent(true)
  await page.pass(200)
  assert.deepEqual(page.types, ['click'])
})

test('a withdrawal deletes everything and is kept', async () => {
  const page = new Page('/?ref=AMY')
  const reftrail = createReftrail(OPTIONS)
  reftrail.consent(false)
  reftrail.view()
  await page.pass(1000)
  page.dispatchEvent(new Event('pagehide'))
  assert.deepEqual([page.sent, page.store, page.cookies.cookie], [[], {}, ''])
  assert.equal(reftrail.getAttribution(), null)
})

test('a visitor who withdraws and agrees again is a new one', async () => {
  const page = new Page('/?ref=AMY')
  const reftrail = createReftrail(OPTIONS)
  const before = reftrail.getVisitorId()
  reftrail.consent(false)
  reftrail.consent(true)
  await page.pass(200)
  assert.notEqual(reftrail.getVisitorId(), before)
  assert.deepEqual(page.types, ['click'])
})

test('Global Privacy Control is a refusal until somebody agrees', async () => {
  const page = new Page('/?ref=AMY', { navigator: { globalPrivacyControl: true } })
  const reftrail = createReftrail(OPTIONS)
  reftrail.view()
  await page.pass(1000)
  assert.deepEqual([page.sent, page.store, page.cookies.cookie], [[], {}, ''])
  reftrail.consent(true)
  await page.pass(200)
  assert.deepEqual(page.types, ['click', 'view'])
})

test('a prerendered page counts when it is activated', async () => {
  const page = new Page('/?ref=AMY', { navigator: {} })
  page.prerendering = true
  const reftrail = createReftrail(OPTIONS)
  reftrail.autoView()
  await page.pass(1000)
  assert.deepEqual([page.sent, page.store, page.cookies.cookie], [[], {}, ''])
  page.activate()
  await page.pass(200)
  assert.deepEqual(page.types, ['click', 'view'])
  for (const { event_time } of page.events) assert.equal(Date.parse(event_time!), START + 1000)
  assert.deepEqual(reftrail.getAttribution(), { code: 'AMY', time: START + 1000 })
})

test('what happened before the answer is of the time at which a prerendered page was seen', async () => {
  const page = new Page('/?ref=AMY')
  page.prerendering = true
  const reftrail = createReftrail(ASKED)
  reftrail.view()
  await page.pass(1000)
  page.activate()
  reftrail.formStarted()
  await page.pass(60_000)
  reftrail.consent(true)
  await page.pass(200)
  assert.deepEqual(page.types, ['click', 'view', 'form_started'])
  for (const { event_time } of page.events) assert.equal(Date.parse(event_time!), START + 1000)
})

test('a consent by a listener that was there before the SDK is of the time at which the page was seen', async () => {
  const page = new Page('/?ref=AMY')
  page.prerendering = true
  page.document.addEventListener('prerenderingchange', () => reftrail.consent(true))
  const reftrail = createReftrail(ASKED)
  reftrail.view()
  await page.pass(1000)
  page.activate()
  await page.pass(200)
  assert.deepEqual(page.types, ['click', 'view'])
  for (const { event_time } of page.events) assert.equal(Date.parse(event_time!), START + 1000)
  assert.deepEqual(reftrail.getAttribution(), { code: 'AMY', time: START + 1000 })
})

for (const ahead of [true, false])
  test(`a view that waited has the source of its address, ${ahead ? 'prerendered' : 'before the answer'}`, async () => {
    const page = new Page('/?utm_source=poster')
    page.prerendering = ahead
    const reftrail = createReftrail(ahead ? OPTIONS : ASKED)
    reftrail.view()
    page.go('/cart?utm_source=mail')
    reftrail.view()
    reftrail.formStarted()
    page.go('/form')
    page.activate()
    reftrail.consent(true)
    reftrail.view()
    await page.pass(200)
    assert.deepEqual(page.events.map(({ utm_source }) => utm_source), ['poster', 'mail', 'mail', null])
  })

test('a prerendered page waits for the answer too', async () => {
  const page = new Page('/?ref=AMY')
  page.prerendering = true
  const reftrail = createReftrail(ASKED)
  reftrail.consent(true)
  await page.pass(1000)
  assert.deepEqual(page.sent, [])
  page.activate()
  await page.pass(200)
  assert.deepEqual(page.types, ['click'])
})

test('forms and users count once', async () => {
  const page = new Page('/signup')
  const reftrail = createReftrail(OPTIONS)
  for (const name of ['a', 'a', 'b']) reftrail.formStarted(name)
  for (const user of ['uma', 'uma', 'ben']) reftrail.identify(user)
  await page.pass(200)
  assert.deepEqual(page.types.sort(), ['form_started', 'form_started', 'identified', 'identified'])
})

test('views by themselves: by address, and after the back/forward cache', async () => {
  const page = new Page('/')
  const reftrail = createReftrail(OPTIONS)
  const end = reftrail.autoView()
  page.go('/teapot')
  history.pushState({}, '')
  history.replaceState({}, '')
  page.go('/')
  page.dispatchEvent(new Event('popstate'))
  page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }))
  page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
  await page.pass(200)
  assert.equal(page.events.length, 4)
  end()
  page.go('/teapot')
  history.pushState({}, '')
  await page.pass(200)
  assert.equal(page.events.length, 4)
})

test('views by themselves: several callers count each address once', async () => {
  const page = new Page('/')
  const reftrail = createReftrail(OPTIONS)
  const count = async (): Promise<number> => (await page.pass(200), page.events.length)
  const first = reftrail.autoView()
  first()
  first()
  const second = reftrail.autoView()
  const third = reftrail.autoView()
  assert.equal(await count(), 1)
  second()
  page.go('/teapot')
  history.pushState({}, '')
  assert.equal(await count(), 2)
  third()
  page.go('/kettle')
  history.pushState({}, '')
  page.go('/teapot')
  history.pushState({}, '')
  assert.equal(await count(), 2)
  reftrail.autoView()
  assert.equal(await count(), 3)
})

test('one tab sends at a time, where there are locks', async () => {
  const asked: string[] = []
  const locks = { request: (name: string, act: () => Promise<void>) => (asked.push(name), act()) }
  const page = new Page('/', { navigator: { locks } })
  createReftrail(OPTIONS).view()
  await page.pass(200)
  assert.deepEqual(page.types, ['view'])
  assert.ok(asked.includes('reftrail'))
})
