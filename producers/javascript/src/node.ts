/** The SDK for servers: what happened, reported once, whatever is repeated or fails. */
import { createHash, randomUUID } from 'node:crypto'

/** An amount as text: `"19.99"`. Numbers aren't exact. */
export type Amount = string

/** Fields that any event may have, named as in the collector's API. An empty text is left out: forms send
 * one for what nobody filled in. */
export interface Details {
  event_time?: Date | string
  /** The code that a person typed in. */
  code?: string
  campaign_id?: string
  category?: string
  channel?: string
  source?: 'electronic' | 'portal' | 'direct'
  utm_source?: string
  device_id?: string
  ip?: string
  user_agent?: string
  email?: string
  country?: string
  properties?: Record<string, unknown>
}

export interface Context extends Details {
  /** The visitor whose visits the event belongs to. */
  visitor_id?: string
}

export interface OrderContext extends Context {
  net_amount?: Amount
  tax?: Amount
  shipping?: Amount
}

export interface RefundContext extends Context {
  /** The id of one refund of the order, and its amount. */
  refund_id?: string
  amount?: Amount
  /** What has been refunded of the order in all. Without any of these it is refunded in full. */
  amount_refunded?: Amount
  currency?: string
}

export type Event = Record<string, unknown> & { type: string }

export interface Rejection {
  index: number
  pointer: string
  reason: string
}

export interface Receipt {
  accepted: number
  rejected: Rejection[]
}

export interface Options {
  /** Address of the collector, without a slash at its end. */
  endpoint: string
  /** A key with the scope `events:write`. */
  secretKey: string
  /** The most events that wait; a further one is an error at the call. 10,000 by default. */
  capacity?: number
  /** Milliseconds that the first event of a request waits for others. 200 by default. */
  linger?: number
  /** Called for each event that the collector rejects; without it an error is logged. */
  onRejected?: (event: Event, rejection: Rejection) => void
}

/** The collector could not be reached in time, or refused a request. `events` were not sent. */
export class NotSent extends Error {
  override name = 'NotSent'
  readonly events: readonly Event[]
  /** The status of the answer, if there was one. */
  readonly status: number | undefined

  constructor(message: string, events: readonly Event[], status?: number) {
    super(message)
    this.events = events
    this.status = status
  }
}

const NAMESPACE = Buffer.from('7b1f8a526a0e5d7c9e432f4c1b8d9a60', 'hex')
const MOST_EVENTS = 1000
const MOST_BYTES = 1_000_000
const FIRST_DELAY = 100
const LONGEST_DELAY = 5000
const TIMEOUT = 30_000
const HOPELESS = new Set([400, 413, 415])

/** The UUID of version 5 that follows from what happened. The Python client makes the same one, so
 * that what both report counts once. */
const idOf = (...identity: (string | null)[]): string => {
  const texts = identity.map((part) =>
    JSON.stringify(part).replace(
      /[\u007f-\uffff]/g,
      (unit) => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'),
    ),
  )
  const hash = createHash('sha1').update(NAMESPACE).update(`[${texts.join(', ')}]`).digest()
  hash[6] = (hash[6]! & 0x0f) | 0x50
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const digits = hash.toString('hex', 0, 16)
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]].map(([a, b]) => digits.slice(a, b)).join('-')
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

const AMOUNTS = new Set(['amount', 'net_amount', 'tax', 'shipping', 'amount_refunded'])
const OPTIONAL = new Set([
  ...['visitor_id', 'code', 'campaign_id', 'category', 'channel', 'source', 'utm_source'],
  ...['device_id', 'ip', 'user_agent', 'email', 'country'],
])
const NEEDED: Record<string, string[]> = {
  signup: ['user_id'],
  purchase: ['user_id', 'order_id', 'amount', 'currency'],
  refund: ['user_id', 'order_id'],
  identified: ['user_id', 'visitor_id'],
}

/** Whether what a person typed in can be a code, however it is spelled. */
const isCode = (text: string): boolean =>
  /^[\w-]{1,64}$/.test(
    text
      .replace(/[\uff01-\uff5e]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0))
      .trim()
      .replace(/\s*-\s*|\s+/g, '-'),
  )

/** An event of its fields. Throws a TypeError for what the collector would refuse anyway. */
const eventOf = (type: string, identity: (string | null)[], fields: object): Event => {
  const event: Event = { type, event_id: idOf(type, ...identity), event_time: new Date() }
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    if (OPTIONAL.has(name) && typeof value == 'string' && !value.trim()) continue
    if (name == 'code' && typeof value == 'string' && !isCode(value)) {
      console.warn(`reftrail: a text of ${value.length} characters can't be a code, and is left out`)
      continue
    }
    if (typeof value == 'number')
      throw new TypeError(`${name} is the number ${value}, which isn't exact; give a text: '19.99'`)
    if (/_id$/.test(name) && (typeof value != 'string' || !value))
      throw new TypeError(`${name} is ${JSON.stringify(value)}; expected a text that isn't empty`)
    if (AMOUNTS.has(name) && !/^\d{1,13}(\.\d{1,6})?$/.test(String(value)))
      throw new TypeError(`${name} is ${JSON.stringify(value)}; expected a text such as '19.99'`)
    if (name == 'currency' && !/^[A-Z]{3}$/.test(String(value)))
      throw new TypeError(`currency is ${JSON.stringify(value)}; expected three capital letters`)
    event[name] = value
  }
  for (const name of NEEDED[type]!)
    if (!(name in event)) throw new TypeError(`${name} is missing; an event ${type} can't be without`)
  return event
}

/** The client of a server. `signup`, `purchase`, `refund` and `identify` return at once; what they
 * report is sent in the background, again and again until the collector has it. Call `close` before
 * the process ends. */
export class Reftrail {
  private readonly options: Options
  private readonly capacity: number
  private readonly linger: number
  private waiting: Event[] = []
  private sending: Promise<void> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false
  private ended = false
  private lastError = "the collector hasn't answered yet"

  constructor(options: Options) {
    this.options = options
    this.capacity = options.capacity ?? 10_000
    this.linger = options.linger ?? 200
  }

  /** The signup of a user, who has one. */
  signup(userId: string, context: Context = {}): void {
    this.add(eventOf('signup', [userId], { ...context, user_id: userId }))
  }

  /** The purchase of an order, which has one. */
  purchase(
    userId: string,
    orderId: string,
    amount: Amount,
    currency: string,
    context: OrderContext = {},
  ): void {
    const fields = { ...context, user_id: userId, order_id: orderId, amount, currency }
    this.add(eventOf('purchase', [userId, orderId], fields))
  }

  /** The refund of an order: of an amount, up to a total, or in full where there is neither. */
  refund(userId: string, orderId: string, context: RefundContext = {}): void {
    const { refund_id, amount, amount_refunded } = context
    if (amount !== undefined && refund_id === undefined)
      throw new TypeError(
        `the refund of ${amount} of order ${orderId} needs a refund_id, since an order may have ` +
          'several; or give amount_refunded, what has been refunded of the order in all',
      )
    const identity = [userId, orderId, refund_id ?? null, amount_refunded ?? null]
    this.add(eventOf('refund', identity, { ...context, user_id: userId, order_id: orderId }))
  }

  /** A visitor is a user: somebody logged in on this browser or device. */
  identify(userId: string, visitorId: string, details: Details = {}): void {
    const fields = { ...details, user_id: userId, visitor_id: visitorId }
    this.add(eventOf('identified', [userId, visitorId], fields))
  }

  /** Send events now; resolves when Kafka has them. Rejects with `NotSent` after `patience`
   * milliseconds, or for a request that is refused: send the same events again. */
  async send(events: readonly Event[], patience = 60_000): Promise<Receipt> {
    const named = events.map((event) => ({ event_id: randomUUID(), ...event }))
    const receipt: Receipt = { accepted: 0, rejected: [] }
    const until = Date.now() + patience
    for (let first = 0; first < named.length; ) {
      const batch = take(named.slice(first))
      const answered = await this.deliver(batch, until, () => named.slice(first))
      receipt.accepted += answered.accepted
      for (const rejection of answered.rejected)
        receipt.rejected.push({ ...rejection, index: rejection.index + first })
      first += batch.length
    }
    return receipt
  }

  /** Resolves when nothing waits. Rejects with `NotSent`, whose events still wait, after so many
   * milliseconds. */
  async flush(patience = 10_000): Promise<void> {
    const until = Date.now() + patience
    while (this.waiting.length) {
      const left = until - Date.now()
      if (left <= 0) {
        const { length } = this.waiting
        throw new NotSent(`${length} events were not sent: ${this.lastError}`, [...this.waiting])
      }
      await Promise.race([this.run(), pause(Math.min(left, 100))])
    }
  }

  /** Send what waits, and take no more. */
  async close(patience = 10_000): Promise<void> {
    this.closed = true
    try {
      await this.flush(patience)
    } finally {
      clearTimeout(this.timer)
      this.ended = true
      this.waiting = []
    }
  }

  private add(event: Event): void {
    if (this.closed) throw new Error('the client is closed')
    if (this.waiting.length >= this.capacity)
      throw new Error(
        `${this.waiting.length} events wait, and the queue takes no more: ${this.lastError}. ` +
          'Call again later, or give a larger capacity',
      )
    this.waiting.push(event)
    this.timer ??= setTimeout(() => void this.run(), this.linger)
  }

  /** Send until nothing waits; one sender at a time. */
  private run(): Promise<void> {
    return (this.sending ??= this.drain().finally(() => {
      this.sending = undefined
      this.timer = undefined
    }))
  }

  private async drain(): Promise<void> {
    while (this.waiting.length) {
      const batch = take(this.waiting)
      try {
        const { rejected } = await this.deliver(batch, Infinity, () => this.waiting)
        this.waiting.splice(0, batch.length)
        for (const rejection of rejected) this.reject(batch[rejection.index]!, rejection)
      } catch (error) {
        if (this.ended) return
        const { message, status } = error as NotSent
        this.lastError = message
        if (status !== undefined && HOPELESS.has(status)) {
          this.waiting.splice(0, batch.length)
          batch.forEach((event, index) => this.reject(event, { index, pointer: '', reason: message }))
        } else {
          // A wrong key or clock: somebody can put that right, so the events are kept.
          console.error('reftrail:', this.waiting.length, 'events wait:', message)
          await pause(LONGEST_DELAY)
        }
      }
    }
  }

  private reject(event: Event, rejection: Rejection): void {
    const { onRejected } = this.options
    if (!onRejected) return console.error('reftrail: rejected', event.type, rejection)
    try {
      onRejected(event, rejection)
    } catch (error) {
      console.error('reftrail: onRejected failed', error)
    }
  }

  /** One request, tried again with growing pauses while that may help. */
  private async deliver(
    events: readonly Event[],
    until: number,
    left: () => readonly Event[],
  ): Promise<Receipt> {
    for (let attempt = 0; ; attempt++) {
      if (this.ended) throw new NotSent('the client is closed', left())
      let said: string
      let asked = 0
      let status: number | undefined
      try {
        const answer = await this.post(events)
        if (answer.status == 202) return (await answer.json()) as Receipt
        status = answer.status
        said = `the collector answered ${status}: ${await answer.text()}`
        asked = Number(answer.headers.get('retry-after')) * 1000 || 0
      } catch (error) {
        said = `the collector can't be reached: ${String(error)}`
      }
      this.lastError = said
      if (status !== undefined && status != 408 && status != 429 && status < 500)
        throw new NotSent(said, left(), status)
      const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt)
      const delay = Math.max(asked, longest * (1 - Math.random() / 2))
      if (Date.now() + delay > until) throw new NotSent(said, left(), status)
      await pause(delay)
    }
  }

  private post(events: readonly Event[]): Promise<Response> {
    return fetch(`${this.options.endpoint}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.options.secretKey}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ sent_at: new Date(), events }),
      signal: AbortSignal.timeout(TIMEOUT),
    })
  }
}

/** The first events, as many as a request takes. */
const take = (events: readonly Event[]): Event[] => {
  let size = 0
  const fitting = events.slice(0, MOST_EVENTS).findIndex((event, index) => {
    size += Buffer.byteLength(JSON.stringify(event)) + 1
    return size > MOST_BYTES && index > 0
  })
  return events.slice(0, fitting < 0 ? MOST_EVENTS : fitting)
}
