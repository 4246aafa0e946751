/** The SDK for React Native: no DOM, storage by an adapter, and which link led to the install. */
import type { Attribution, Fields } from './shared-types.ts'

export type { Attribution, Fields } from './shared-types.ts'

/** What is needed of `@react-native-async-storage/async-storage`, or of a store of your own. */
export interface Storage {
  getItem(key: string): Promise<string | null>
  setItem(key: string, value: string): Promise<unknown>
  removeItem(key: string): Promise<unknown>
}

/** What is needed of React Native's `AppState`. */
export interface AppStates {
  addEventListener(type: 'change', listener: (state: string) => void): { remove(): void }
}

export interface Options {
  /** Address of the collector, without a slash at its end. */
  endpoint: string
  /** Publishable key; with `appId` where it is for apps. */
  key: string
  appId?: string
  storage: Storage
  appState?: AppStates
  /** `Platform.OS`, and whether the screen is a tablet's: for guesses. */
  os: 'android' | 'ios'
  device?: 'phone' | 'tablet'
  /** Days for which the first code holds: the campaign's attribution window. 30 by default. */
  window?: number
  /** While false nothing is read, stored or sent. True by default. */
  consent?: boolean
}

/** The collector's answer to the question by which click the app was installed. */
export interface Match {
  match: 'exact' | 'guess' | 'none'
  by?: 'click' | 'referrer' | 'address'
  code?: string
  clicked_at?: string
}

export interface App {
  /** Ask by which click the app was installed; once, at its first opening. `referrer` is the Play
   * store's. A guess is a question to the person: `signup` names the code if they say yes. It
   * resolves to undefined before consent, and where the collector can't be reached. */
  match(shown?: { referrer?: string | null; signedClick?: string | null }): Promise<Match | undefined>
  /** The app was opened by an address: reports the click of its `ref`. */
  opened(url: string): Promise<void>
  view(fields?: Fields): Promise<void>
  click(code: string): Promise<void>
  formStarted(name?: string): Promise<void>
  identify(userId: string): Promise<void>
  getAttribution(): Attribution | null
  /** The id that the server's signup names; undefined before consent. */
  getVisitorId(): string | undefined
  consent(given: boolean): Promise<void>
  /** Send now. Resolves when the collector has answered or can't be reached. */
  flush(): Promise<void>
  /** Call a function when what is known may have changed, until the returned one is called. */
  subscribe(changed: () => void): () => void
  /** Listen no more. */
  close(): void
}

type Event = Record<string, unknown>

interface Kept {
  visitor: string
  first?: Attribution
  match?: Match
  queue: Event[]
}

const KEY = 'reftrail'
const DAY = 864e5
const BATCH = 50
const MOST = 1000
const DELAY = 200
const LONGEST_DELAY = 3e5
const TIMEOUT = 3e4

/** A random UUID of version 4. React Native's engine has no `crypto` of its own; ids aren't secret. */
const uuid = (): string =>
  'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () => ((Math.random() * 16) | 0).toString(16))

/** The parameters of an address; React Native's own URL is incomplete. */
const parameter = (url: string, name: string): string | undefined => {
  const found = new RegExp(`[?&]${name}=([^&#]*)`).exec(url)?.[1]
  try {
    return found && decodeURIComponent(found)
  } catch {
    return undefined
  }
}

/** The SDK of an app. Resolves when what is stored has been read. */
export const createReftrail = async (options: Options): Promise<App> => {
  const { endpoint, storage } = options
  const lifetime = (options.window ?? 30) * DAY
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    authorization: `Bearer ${options.key}`,
  }
  if (options.appId) headers['x-reftrail-app'] = options.appId
  const listeners = new Set<() => void>()
  let kept: Kept | undefined
  let allowed = options.consent ?? true
  let writing: Promise<unknown> = Promise.resolve()
  let sending: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0

  /** One write after the other, each with what is known when its turn comes. */
  const save = (): Promise<void> => {
    listeners.forEach((changed) => changed())
    const done = writing.then(() => (kept ? storage.setItem(KEY, JSON.stringify(kept)) : undefined))
    writing = done.catch((error: unknown) => console.error(KEY, error))
    return writing as Promise<void>
  }

  const open = async (): Promise<void> => {
    if (kept || !allowed) return
    let read: Partial<Kept> = {}
    try {
      read = JSON.parse((await storage.getItem(KEY)) ?? '{}') as Partial<Kept>
    } catch (error) {
      console.error(KEY, error)
    }
    if (kept || !allowed) return
    kept = { ...read, visitor: read.visitor ?? uuid(), queue: read.queue ?? [] }
    await save()
    if (kept?.queue.length) schedule(0)
  }

  const schedule = (delay: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), delay)
  }

  const post = async (path: string, body: unknown): Promise<Response> => {
    const controller = new AbortController()
    const limit = setTimeout(() => controller.abort(), TIMEOUT)
    try {
      const { signal } = controller
      return await fetch(endpoint + path, { method: 'POST', headers, body: JSON.stringify(body), signal })
    } finally {
      clearTimeout(limit)
    }
  }

  const isRetried = (status: number): boolean => status == 408 || status == 429 || status >= 500

  const send = async (): Promise<void> => {
    for (let events; kept && (events = kept.queue.slice(0, BATCH)).length; failures = 0) {
      let wait = 0
      try {
        const answer = await post('/v1/events', { sent_at: new Date(), events })
        if (isRetried(answer.status)) {
          wait = Number(answer.headers.get('retry-after')) * 1e3 || 0
          throw new Error(`${answer.status}`)
        }
        const said = await answer.text()
        if (!said.includes('"rejected":[]')) console.error(KEY, said)
      } catch {
        const longest = Math.min(LONGEST_DELAY, 1e3 * 2 ** failures++)
        return schedule(Math.max(wait, longest * (1 - Math.random() / 2)))
      }
      const sent = new Set(events.map((event) => event.event_id))
      if (kept) kept.queue = kept.queue.filter((event) => !sent.has(event.event_id))
      await save()
    }
  }

  const flush = (): Promise<void> =>
    (sending ??= send().finally(() => {
      sending = undefined
    }))

  const record = async (type: string, fields: Event = {}): Promise<void> => {
    await open()
    if (!kept) return
    if (kept.queue.length >= MOST) return console.error(KEY, 'queue full')
    kept.queue.push({
      type,
      visitor_id: kept.visitor,
      event_id: uuid(),
      event_time: new Date(),
      // The user agent of React Native on Android is that of a library, which counts as a bot.
      user_agent: `reftrail-react-native (${options.os})`,
      ...fields,
    })
    await save()
    if (!failures) schedule(DELAY)
  }

  const keepFirst = (code: string, time: number): void => {
    if (kept && !app.getAttribution()) kept.first = { code, time }
  }

  const click = async (code: string): Promise<void> => {
    await open()
    keepFirst(code, Date.now())
    await record('click', { code })
  }

  const app: App = {
    click,
    flush,
    view: (fields) => record('view', fields),
    formStarted: (name) => record('form_started', name ? { properties: { form: name } } : {}),
    identify: (userId) => record('identified', { user_id: userId }),
    getVisitorId: () => kept?.visitor,
    getAttribution() {
      const first = kept?.first
      return first && first.time + lifetime > Date.now() ? first : null
    },

    async opened(url) {
      const code = parameter(url, 'ref') ?? /\/r\/([\w-]{1,64})(?:[/?#]|$)/.exec(url)?.[1]
      const signedClick = parameter(url, 'ref_signed')
      if (signedClick && (await app.match({ signedClick }))?.match == 'exact') return
      if (code && /^[\w-]{1,64}$/.test(code)) await click(code)
    },

    async match({ referrer, signedClick } = {}) {
      await open()
      if (!kept) return
      if (kept.match && !signedClick) return kept.match
      const { os, device } = options
      try {
        const answer = await post('/v1/match', {
          visitor_id: kept.visitor,
          referrer: referrer || null,
          signed_click: signedClick || null,
          os,
          device: device ?? 'phone',
        })
        if (answer.status != 200) return void console.error(KEY, await answer.text())
        const found = (await answer.json()) as Match
        if (!kept) return
        if (found.match == 'exact' && found.code) {
          keepFirst(found.code, found.clicked_at ? Date.parse(found.clicked_at) : Date.now())
        }
        if (!signedClick) kept.match = found
        await save()
        return found
      } catch {
        return // asked again at the next opening
      }
    },

    async consent(given) {
      allowed = given
      if (given) return open()
      kept = undefined
      listeners.forEach((changed) => changed())
      clearTimeout(timer)
      await writing
      await storage.removeItem(KEY)
    },

    subscribe(changed) {
      listeners.add(changed)
      return () => void listeners.delete(changed)
    },

    close() {
      listening?.remove()
      clearTimeout(timer)
    },
  }

  const listening = options.appState?.addEventListener('change', () => {
    failures = 0
    void flush()
  })
  await open()
  return app
}
