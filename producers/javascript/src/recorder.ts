/** The recorder: the code and the source in the address, the first code that holds, views and clicks. */
import { digest, uuid } from './ids.ts'
import { openQueue, type Lock } from './queue.ts'
import { FIRST, openStore, read, VISITOR, write } from './storage.ts'
import type { Attribution, Core, Fields, Options } from './types.ts'

const DAY = 864e5
const YEAR = 31536e3

/** Whether the visitor has agreed: by the options, else unless the browser says that they don't wish
 * it (Global Privacy Control). A script tag's `data-consent` is a text, and never an answer. */
export const isAllowed = (options: Options): boolean =>
  (options.consent ?? !(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl) === true

/** Act once somebody sees the page: a prerendered one may never be seen. */
export const whenSeen = (act: () => void): void => {
  if ((document as { prerendering?: boolean }).prerendering) document.addEventListener('prerenderingchange', act)
  else act()
}

/** The core, and what is built on it. */
export interface Recorder extends Core {
  /** Add an event. Of those of a visitor with the same 12 digits the first counts. */
  record(type: string, fields?: Fields, digits?: string): void
  /** Read the code in the query of an address at which the visitor was at a time. */
  look(query?: string, time?: number): string | undefined
}

export const createRecorder = (options: Options, lock: Lock = (send) => send()): Recorder => {
  const lifetime = (options.window || 30) * DAY
  const store = openStore()
  let seen: string | undefined
  let utm_source: string | null | undefined // of the address read last; the collector says what can be one

  const queue = openQueue(store, options.endpoint + '/v1/events?key=' + options.key, lock)

  const getVisitorId = (): string => {
    let id = read(store, VISITOR)
    if (!/^[\da-f-]{36}$/.test(id!)) {
      write(store, VISITOR, (id = uuid()), YEAR)
      id = read(store, VISITOR) ?? id // another tab's, if both are the first at the same moment
    }
    return id!
  }

  const getAttribution = (): Attribution | null => {
    const [code, stamp] = (read(store, FIRST) ?? '').split('.')
    const time = +stamp!
    return time + lifetime > Date.now() ? { code: code!, time } : null
  }

  /** Add an event under 12 digits. So one that two tabs report, or that is sent again, counts once. */
  const add = (digits: string, event: Fields): void => {
    const visitor_id = getVisitorId()
    const event_id = visitor_id.slice(0, 24) + digits
    queue.add(event_id, { visitor_id, event_id, event_time: new Date(), utm_source, ...event })
  }

  const record: Recorder['record'] = (type, fields, digits = uuid().slice(24)) =>
    add(digits, { type, ...fields })

  /** The first code is kept. The click counts once a day for each code, or once for each click id
   * that the collector gave. */
  const look: Recorder['look'] = (query = location.search, time = Date.now()) => {
    const named = new URLSearchParams(query)
    utm_source = named.get('utm_source')
    const code = named.get('ref') ?? ''
    const click = named.get('ref_click')
    if (!/^[\w-]{1,64}$/.test(code)) return
    if (seen != (seen = code + click + getVisitorId())) {
      if (!getAttribution()) write(store, FIRST, code + '.' + time, lifetime / 1e3)
      const digits = /^[\da-f]{12}$/.test(click!) ? click! : digest(code + ((time / DAY) | 0))
      add(digits, { type: 'click', code, event_time: new Date(time) })
    }
    return code
  }

  const report = (type: string, fields?: Fields): void =>
    whenSeen(() => record(type, { code: look(), ...fields }))

  return {
    record,
    look,
    view: (fields) => report('view', fields),
    click: (code) => report('click', code ? { code } : {}),
    getAttribution,
    getVisitorId,
    flush: queue.flush,
  }
}
