/** A page for tests: just as much of a browser as the SDK uses, with a clock that tests move. */
import { mock } from 'node:test'

export interface Answer {
  status?: number
  said?: string
  retryAfter?: string
}

export interface Sent {
  url: string
  events: Record<string, string>[]
  beacon: boolean
}

export const START = Date.parse('2026-03-01T12:00:00Z')
export const OPTIONS = { endpoint: 'https://events.shop.example', key: 'pk' }

/** Cookies as a browser keeps them for `www.shop.example`, which takes none for `example`. */
export class Cookies {
  readonly kept = new Map<string, string>()
  blocked = false

  get cookie(): string {
    return [...this.kept].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  set cookie(text: string) {
    const [pair, ...attributes] = text.split(';')
    const [name, value] = pair!.split('=')
    const domain = attributes.find((a) => a.startsWith('domain='))?.slice(7)
    if (this.blocked || domain == 'example' || (domain && !'www.shop.example'.endsWith(domain))) return
    if (attributes.includes('max-age=0')) this.kept.delete(name!)
    else this.kept.set(name!, value!)
  }
}

export class Page extends EventTarget {
  readonly sent: Sent[] = []
  readonly cookies = new Cookies()
  store: Record<string, string> = {}
  answers: (Answer | Error)[] = []
  errors: unknown[][] = []
  prerendering = false
  readonly document = new EventTarget()

  constructor(path = '/', globals: Record<string, unknown> = {}) {
    super()
    mock.timers.reset()
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START })
    Object.defineProperties(this.document, {
      cookie: { get: () => this.cookies.cookie, set: (text: string) => (this.cookies.cookie = text) },
      prerendering: { get: () => this.prerendering },
    })
    const navigator = {
      sendBeacon: (url: string, body: string) => this.take(url, body, true),
      ...(globals.navigator as object),
    }
    for (const [name, value] of Object.entries({
      document: this.document,
      addEventListener: this.addEventListener.bind(this),
      removeEventListener: this.removeEventListener.bind(this),
      history: { pushState: () => {}, replaceState: () => {} },
      fetch: this.fetch.bind(this),
      console: { ...console, error: (...said: unknown[]) => this.errors.push(said) },
      ...globals,
      navigator,
    }))
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
    Object.defineProperty(globalThis, 'localStorage', { get: () => this.opened(), configurable: true })
    this.go(path)
  }

  private opened(): Record<string, string> {
    if (this.cookies.blocked) throw new Error('SecurityError')
    return this.store
  }

  go(path: string): void {
    const { hostname, protocol, pathname, search } = new URL(path, 'https://www.shop.example')
    Object.assign(globalThis, { location: { hostname, protocol, pathname, search } })
  }

  /** A prerendered page is seen. One that was seen already takes no notice. */
  activate(): void {
    this.prerendering = false
    this.document.dispatchEvent(new Event('prerenderingchange'))
  }

  private take(url: string, body: string, beacon: boolean): boolean {
    this.sent.push({ url, events: JSON.parse(body).events, beacon })
    return true
  }

  private async fetch(url: string, { body }: { body: string }): Promise<unknown> {
    const answer = this.answers.shift() ?? {}
    this.take(url, body, false)
    if (answer instanceof Error) throw answer
    const { status = 202, said = '{"accepted":1,"rejected":[]}', retryAfter = null } = answer
    return { status, text: async () => said, headers: { get: () => retryAfter } }
  }

  /** Let time pass, and what waits for it run. */
  async pass(milliseconds: number): Promise<void> {
    mock.timers.tick(milliseconds)
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }

  get events(): Record<string, string>[] {
    return this.sent.flatMap(({ events }) => events)
  }

  get types(): string[] {
    return this.events.map(({ type }) => type!)
  }
}
