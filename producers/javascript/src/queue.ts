/** Queue of events: each is an entry of the store until the collector has answered for it.
 *
 * All tabs share it. Two of them may send an event at once: it has one event_id and counts once.
 */
import { PREFIX, type Store } from './storage.ts'

const ENTRY = PREFIX + ':'
const BATCH = 50
const MOST = 200
const DELAY = 200
const LONGEST_DELAY = 3e5

export interface Queue {
  add(eventId: string, event: object): void
  flush(): Promise<void>
}

/** Runs a function while no other tab does. */
export type Lock = (act: () => Promise<void>) => Promise<void>

export const openQueue = (store: Store, url: string, lock: Lock): Queue => {
  let timer: ReturnType<typeof setTimeout> | undefined
  let sending: Promise<void> | undefined
  let failures = 0

  const entries = (): string[] => Object.keys(store).filter((key) => key.startsWith(ENTRY))
  const body = (keys: string[]): string =>
    `{"sent_at":${JSON.stringify(new Date())},"events":[${keys.map((key) => store[key])}]}`

  const schedule = (delay: number): void => {
    clearTimeout(timer)
    timer = setTimeout(flush, delay)
  }

  /** Send all entries, those of other tabs too. */
  const send = async (): Promise<void> => {
    for (let keys; (keys = entries().slice(0, BATCH)).length; failures = 0) {
      let wait = 0
      try {
        const content = body(keys)
        // Of requests that outlive their page browsers take 64 KiB.
        const answer = await fetch(url, { method: 'POST', body: content, keepalive: content.length < 6e4 })
        if (/408|429|5../.test(answer.status + '')) {
          wait = +answer.headers.get('retry-after')! * 1e3 || 0
          throw 0
        }
        const said = await answer.text()
        if (!said.includes('"rejected":[]')) console.error(PREFIX, said)
      } catch {
        const longest = Math.min(LONGEST_DELAY, 1e3 * 2 ** failures++)
        return schedule(Math.max(wait, longest * (1 - Math.random() / 2)))
      }
      for (const key of keys) delete store[key]
    }
  }

  const flush = (): Promise<void> => (sending ??= lock(send).finally(() => (sending = undefined)))

  addEventListener('online', flush)
  // What waits is handed to the browser, which sends it after the page is gone. It stays stored until
  // an answer was seen, which a beacon's never is.
  addEventListener('pagehide', () => {
    const keys = entries().slice(0, BATCH)
    if (keys[0]) navigator.sendBeacon(url, body(keys))
  })
  schedule(0)

  return {
    add(eventId, event) {
      try {
        if (entries().length > MOST) throw 'queue full'
        store[ENTRY + eventId] = JSON.stringify(event)
      } catch (error) {
        console.error(PREFIX, error)
      }
      if (!failures) schedule(DELAY)
    },
    flush,
  }
}
