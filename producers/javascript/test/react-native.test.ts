import assert from 'node:assert/strict'
import { mock, test } from 'node:test'

import { createReftrail, type AppStates, type Options, type Storage } from '../src/react-native.ts'

interface Request {
  path: string
  headers: Record<string, string>
  body: Record<string, any>
}

interface Answer {
  status?: number
  body?: object
  retryAfter?: string
}

const START = Date.parse('2026-03-01T12:00:00Z')

/** A phone: storage that stays, a network, and whether the app is before the person's eyes. */
class Phone implements Storage, AppStates {
  readonly kept = new Map<string, string>()
  readonly requests: Request[] = []
  readonly answers: (Answer | Error)[] = []
  errors: unknown[][] = []
  private states: ((state: string) => void)[] = []

  constructor() {
    mock.timers.reset()
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START })
    for (const name of ['document', 'window', 'localStorage', 'navigator', 'location', 'crypto'])
      Object.defineProperty(globalThis, name, { value: undefined, configurable: true })
    globalThis.fetch = this.fetch.bind(this) as typeof fetch
    mock.restoreAll()
    mock.method(console, 'error', (...said: unknown[]) => void this.errors.push(said))
  }

  async getItem(key: string): Promise<string | null> {
    return this.kept.get(key) ?? null
  }
  async setItem(key: string, value: string): Promise<void> {
    this.kept.set(key, value)
  }
  async removeItem(key: string): Promise<void> {
    this.kept.delete(key)
  }

  addEventListener(_: 'change', listener: (state: string) => void) {
    this.states.push(listener)
    return { remove: () => void (this.states = this.states.filter((one) => one != listener)) }
  }
  change(state: string): void {
    for (const listener of this.states) listener(state)
  }

  private async fetch(url: string, { headers, body }: { headers: any; body: string }) {
    this.requests.push({ path: new URL(url).pathname, headers, body: JSON.parse(body) })
    const answer = this.answers.shift() ?? {}
    if (answer instanceof Error) throw answer
    const { status = url.endsWith('/v1/events') ? 202 : 200, retryAfter = null } = answer
    const said = answer.body ?? { accepted: 1, rejected: [] }
    return {
      status,
      text: async () => JSON.stringify(said),
      json: async () => said,
      headers: { get: () => retryAfter },
    }
  }

  open(options: Partial<Options> = {}) {
    return createReftrail({
      endpoint: 'https://events.shop.example',
      key: 'pk',
      appId: 'com.shop',
      storage: this,
      appState: this,
      os: 'android',
      ...options,
    })
  }

  async pass(milliseconds: number): Promise<void> {
    mock.timers.tick(milliseconds)
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  }

  get events(): Record<string, any>[] {
    return this.requests.flatMap(({ path, body }) => (path == '/v1/events' ? body.events : []))
  }
}

test('events leave together, under the key and the id of the app, and no longer wait', async () => {
  const phone = new Phone()
  const app = await phone.open()
  await app.view()
  await app.identify('uma')
  await phone.pass(200)
  const [{ headers }] = phone.requests as [Request]
  assert.deepEqual([headers.authorization, headers['x-reftrail-app']], ['Bearer pk', 'com.shop'])
  assert.deepEqual(phone.events.map(({ type }) => type), ['view', 'identified'])
  assert.equal(phone.events[0]!.visitor_id, app.getVisitorId())
  assert.match(phone.events[0]!.user_agent, /android/)
  assert.deepEqual(JSON.parse(phone.kept.get('reftrail')!).queue, [])
})

test('what waits outlives the app, keeps its ids, and is sent when the app comes back', async () => {
  const phone = new Phone()
  const first = await phone.open()
  phone.answers.push(new Error('offline'), { status: 503 })
  await first.view()
  await phone.pass(200)
  first.close()
  const again = await phone.open()
  assert.equal(again.getVisitorId(), first.getVisitorId())
  await phone.pass(0)
  phone.change('active')
  await phone.pass(0)
  assert.equal(phone.events.length, 3)
  assert.equal(new Set(phone.events.map(({ event_id }) => event_id)).size, 1)
  phone.change('background')
  await phone.pass(1e6)
  assert.equal(phone.events.length, 3)
})

test('pauses grow, and the collector says when to come back', async () => {
  const phone = new Phone()
  phone.answers.push({ status: 429, retryAfter: '40' }, new Error('offline'))
  const app = await phone.open()
  await app.view()
  await phone.pass(200)
  await phone.pass(39_999)
  assert.equal(phone.requests.length, 1)
  await phone.pass(1)
  assert.equal(phone.requests.length, 2)
  await phone.pass(2000)
  assert.equal(phone.requests.length, 3)
})

test('the first opening asks once by which click the app was installed', async () => {
  const phone = new Phone()
  const app = await phone.open({ device: 'tablet' })
  const seen: (string | undefined)[] = []
  const unsubscribe = app.subscribe(() => seen.push(app.getAttribution()?.code))
  const clicked_at = '2026-02-28T12:00:00.000Z'
  phone.answers.push(new Error('offline'))
  assert.equal(await app.match({ referrer: 'ref=AMY' }), undefined)
  phone.answers.push({ body: { match: 'exact', by: 'click', code: 'AMY', clicked_at } })
  assert.equal((await app.match({ referrer: 'ref=AMY' }))?.match, 'exact')
  assert.deepEqual(phone.requests[1]!.body, {
    visitor_id: app.getVisitorId(),
    referrer: 'ref=AMY',
    signed_click: null,
    os: 'android',
    device: 'tablet',
  })
  assert.deepEqual(app.getAttribution(), { code: 'AMY', time: Date.parse(clicked_at) })
  assert.deepEqual(seen, ['AMY'])
  unsubscribe()
  app.close()
  const again = await phone.open()
  assert.equal((await again.match({ referrer: 'ref=AMY' }))?.code, 'AMY')
  assert.equal(phone.requests.length, 2)
})

test('a guess is no attribution: the app asks the person', async () => {
  const phone = new Phone()
  const app = await phone.open()
  phone.answers.push({ body: { match: 'guess', by: 'address', code: 'AMY' } })
  assert.equal((await app.match())?.code, 'AMY')
  assert.equal(app.getAttribution(), null)
  await phone.pass(1000)
  assert.deepEqual(phone.events, [])
})

test('an address that opens the app is a click, exactly where it shows one', async () => {
  const phone = new Phone()
  const app = await phone.open()
  await app.opened('https://shop.example/tea?x=1#top')
  await app.opened('https://events.shop.example/r/EVE')
  await app.opened('https://shop.example/?ref=BEN&ref=%')
  phone.answers.push({ body: { match: 'exact', by: 'click', code: 'AMY' } })
  await app.opened('https://shop.example/?ref=AMY&ref_signed=a.b%2E')
  await phone.pass(200)
  assert.equal(phone.requests[0]!.body.signed_click, 'a.b.')
  assert.deepEqual(phone.events.map(({ type, code }) => [type, code]), [['click', 'EVE'], ['click', 'BEN']])
  assert.equal(app.getAttribution()?.code, 'EVE', 'the first stays')
  await phone.pass(31 * 864e5)
  assert.equal(app.getAttribution(), null)
})

test('without consent nothing is read, stored or sent; a refusal deletes', async () => {
  const phone = new Phone()
  const app = await phone.open({ consent: false })
  await app.view()
  assert.equal(await app.match({ referrer: 'ref=AMY' }), undefined)
  await app.opened('https://shop.example/?ref=AMY')
  await phone.pass(1000)
  assert.deepEqual([phone.kept.size, phone.requests.length, app.getVisitorId()], [0, 0, undefined])
  await app.consent(true)
  await app.view()
  await app.consent(false)
  await phone.pass(1e6)
  assert.deepEqual([phone.kept.size, phone.events.length, app.getVisitorId()], [0, 0, undefined])
})

test('a full queue, and what the collector refuses, are reported', async () => {
  const phone = new Phone()
  const app = await phone.open()
  phone.answers.push({ body: { accepted: 0, rejected: [{ index: 0 }] } })
  await app.view()
  await phone.pass(200)
  assert.match(String(phone.errors[0]![1]), /"rejected":\[\{/)
  phone.answers.push(...Array.from({ length: 9 }, () => new Error('offline')))
  for (let views = 0; views <= 1000; views++) await app.view()
  assert.deepEqual(phone.errors[1], ['reftrail', 'queue full'])
})
