import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'

import { NotSent, Reftrail, type Event } from '../src/node.ts'

interface Taken {
  authorization: string | undefined
  events: Event[]
}

/** A collector that answers what it is told to, else takes everything. */
const collector = async (t: TestContext) => {
  const taken: Taken[] = []
  const answers: [number, object, Record<string, string>?][] = []
  const read = async (request: IncomingMessage): Promise<Event[]> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    return JSON.parse(Buffer.concat(chunks).toString()).events
  }
  const server = createServer(async (request, response) => {
    const events = await read(request)
    taken.push({ authorization: request.headers.authorization, events })
    const [status, body, headers] = answers.shift() ?? [202, { accepted: events.length, rejected: [] }]
    response.writeHead(status, headers).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { taken, answers, endpoint, server }
}

const silent = (t: TestContext): unknown[][] => {
  const said: unknown[][] = []
  t.mock.method(console, 'error', (...words: unknown[]) => void said.push(words))
  return said
}

test('what is reported at once leaves in one request, under the key', async (t) => {
  const { taken, endpoint } = await collector(t)
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk' })
  reftrail.signup('uma', { visitor_id: 'v1', code: 'AMY' })
  reftrail.purchase('uma', 'O1', '19.99', 'EUR', { tax: '3.19' })
  reftrail.refund('uma', 'O1')
  reftrail.identify('uma', 'v2')
  await reftrail.close()
  assert.deepEqual(taken.map(({ authorization }) => authorization), ['Bearer sk'])
  const events = taken[0]!.events
  assert.deepEqual(events.map(({ type }) => type), ['signup', 'purchase', 'refund', 'identified'])
  assert.equal(events[1]!.tax, '3.19')
  assert.ok(Date.parse(String(events[0]!.event_time)) <= Date.now())
})

test('the same again has the same id, another has another', async (t) => {
  const { taken, endpoint } = await collector(t)
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk' })
  for (let times = 0; times < 2; times++) {
    reftrail.signup('uma')
    reftrail.refund('uma', 'O1', { refund_id: 'R1', amount: '1.00', currency: 'EUR' })
    reftrail.refund('uma', 'O1', { refund_id: 'R2', amount: '1.00', currency: 'EUR' })
  }
  await reftrail.close()
  const ids = taken.flatMap(({ events }) => events.map(({ event_id }) => event_id))
  assert.equal(ids.length, 6)
  assert.deepEqual(ids.slice(0, 3), ids.slice(3))
  assert.equal(new Set(ids).size, 3)
  assert.match(String(ids[0]), /^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
})

test('a request that fails is sent again with the same ids, in order', async (t) => {
  const { taken, answers, endpoint } = await collector(t)
  answers.push([503, {}], [429, {}, { 'retry-after': '1' }], [500, {}])
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk', linger: 1 })
  reftrail.signup('uma')
  const began = Date.now()
  await reftrail.close()
  assert.equal(taken.length, 4)
  assert.equal(new Set(taken.map(({ events }) => events[0]!.event_id)).size, 1)
  assert.ok(Date.now() - began >= 1000, 'the collector said when to come back')
})

test('what is rejected is reported with its event', async (t) => {
  const { answers, endpoint } = await collector(t)
  answers.push([202, { accepted: 1, rejected: [{ index: 1, pointer: '/ip', reason: 'no' }] }])
  const found: unknown[] = []
  const reftrail = new Reftrail({
    endpoint,
    secretKey: 'sk',
    onRejected: (event, { pointer }) => found.push([event.user_id, pointer]),
  })
  reftrail.signup('a')
  reftrail.signup('b', { ip: 'x' })
  await reftrail.close()
  assert.deepEqual(found, [['b', '/ip']])
})

test('a request that can never be taken is given up, one with a wrong key is kept', async (t) => {
  const said = silent(t)
  const { taken, answers, endpoint } = await collector(t)
  answers.push([413, { detail: 'too large' }], [401, { detail: 'give a known API key' }])
  const found: Event[] = []
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk', onRejected: (event) => found.push(event) })
  reftrail.signup('a')
  await reftrail.flush()
  assert.deepEqual(found.map(({ user_id }) => user_id), ['a'])
  reftrail.signup('b')
  await assert.rejects(reftrail.flush(300), (error: NotSent) => {
    assert.equal(error.events[0]!.user_id, 'b')
    return /give a known API key/.test(error.message)
  })
  assert.equal(taken.length, 2)
  assert.equal(said.length, 1)
  await reftrail.flush()
  assert.equal(taken.length, 3, 'the key was put right')
})

test('send resolves when they are taken, and says which were not', async (t) => {
  const { taken, answers, endpoint } = await collector(t)
  answers.push([202, { accepted: 999, rejected: [{ index: 5, pointer: '/code', reason: 'no' }] }])
  answers.push([202, { accepted: 499, rejected: [{ index: 1, pointer: '/code', reason: 'no' }] }])
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk' })
  const clicks = Array.from({ length: 1500 }, (_, n) => ({ type: 'click', visitor_id: `v${n}` }))
  const { accepted, rejected } = await reftrail.send(clicks)
  assert.deepEqual([accepted, rejected.map(({ index }) => index)], [1498, [5, 1001]])
  assert.deepEqual(taken.map(({ events }) => events.length), [1000, 500])
  answers.push([403, { detail: 'lacks the scope' }])
  await assert.rejects(reftrail.send(clicks.slice(0, 1)), /lacks the scope/)
})

test('large events leave in several requests', async (t) => {
  const { taken, endpoint } = await collector(t)
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk' })
  const text = 'ä'.repeat(8000)
  const views = Array.from({ length: 100 }, () => ({ type: 'view', visitor_id: 'v', properties: { text } }))
  await reftrail.send(views)
  assert.deepEqual(taken.map(({ events }) => events.length), [62, 38])
})

test('a collector that is away is an error after a time, and nothing is lost', async (t) => {
  const { server, endpoint } = await collector(t)
  server.close()
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk', capacity: 2 })
  await assert.rejects(reftrail.send([{ type: 'view', visitor_id: 'v' }], 50), /can't be reached/)
  reftrail.signup('a')
  reftrail.signup('b')
  assert.throws(() => reftrail.signup('c'), /2 events wait/)
  await assert.rejects(reftrail.close(150), (error: NotSent) => error.events.length == 2)
  assert.throws(() => reftrail.signup('d'), /closed/)
})

test('wrong fields are errors at the call', () => {
  const reftrail = new Reftrail({ endpoint: 'http://127.0.0.1:1', secretKey: 'sk' })
  const amount = 19.99 as unknown as string
  assert.throws(() => reftrail.purchase('u', 'O1', amount, 'EUR'), /isn't exact/)
  assert.throws(() => reftrail.signup(''), /user_id is ""/)
  assert.throws(() => reftrail.purchase('u', 'O1', '1,50', 'EUR'), /amount is "1,50"; expected/)
  assert.throws(() => reftrail.purchase('u', 'O1', '', 'EUR'), /amount is ""; expected/)
  assert.throws(() => reftrail.purchase('u', 'O1', '5', 'eur'), /three capital letters/)
  const none = undefined as unknown as string
  assert.throws(() => reftrail.purchase('u', 'O1', none, 'EUR'), /amount is missing/)
  assert.throws(() => reftrail.identify('u', ' '), /visitor_id is missing/)
  assert.throws(() => reftrail.refund('u', 'O1', { amount: '1.00', currency: 'EUR' }), /refund_id/)
})

test('what nobody filled in is left out', async (t) => {
  const { taken, endpoint } = await collector(t)
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk' })
  reftrail.signup('uma', { visitor_id: '', code: ' ', email: '', utm_source: 'mail' })
  await reftrail.close()
  const { event_id, event_time, ...rest } = taken[0]!.events[0]!
  assert.deepEqual(rest, { type: 'signup', user_id: 'uma', utm_source: 'mail' })
})

test('a typed text that cannot be a code costs no signup', async (t) => {
  const said: string[] = []
  t.mock.method(console, 'warn', (text: string) => void said.push(text))
  const { taken, endpoint } = await collector(t)
  const reftrail = new Reftrail({ endpoint, secretKey: 'sk' })
  const typed = ['AMY!', 'amy@mail.example', 'A'.repeat(65), ' amy smith ', '\uff21MY', 'a_b-C1']
  typed.forEach((code, number) => reftrail.signup(`u${number}`, { code }))
  await reftrail.close()
  const codes = taken[0]!.events.map(({ code }) => code)
  assert.deepEqual(codes, [undefined, undefined, undefined, ...typed.slice(3)])
  assert.equal(said.length, 3)
  assert.ok(!said.join().includes('@'))
})
