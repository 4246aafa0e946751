/** Gate before the core: nothing is read, stored or sent before the visitor has agreed and, where the
 * page is prerendered, before somebody sees it. */
import { digest } from './ids.ts'
import type { Lock } from './queue.ts'
import { createRecorder, isAllowed, type Recorder } from './recorder.ts'
import { clear, openStore } from './storage.ts'
import type { Fields, Options } from './types.ts'

const MOST_WAITING = 50

export interface Gate {
  /** The core, while the gate is open. */
  core(): Recorder | undefined
  /** Do something now, or when the gate opens; after a refusal never. */
  pass(act: (core: Recorder) => void): void
  /** Record an event. Of those with the same type and `once` the visitor's first counts. */
  record(type: string, fields?: Fields, once?: string): void
  look(): string | undefined
  consent(given: boolean): void
}

export const createGate = (options: Options, lock: Lock): Gate => {
  const page = document as { prerendering?: boolean }
  let allowed: boolean | undefined = isAllowed(options) || undefined
  let waiting: ((core: Recorder) => void)[] = []
  let made: Recorder | undefined
  let core: Recorder | undefined
  /** The last address with a code. A visitor who refuses and then agrees on the page came by it. */
  let arrival: [string, number] | undefined
  /** The source in the address read last. */
  let utm_source: string | null
  /** Of a prerendered page: when somebody saw it. What happened before is of that time. */
  let seen = page.prerendering ? 0 : Date.now()

  const begin = (): void => {
    if (page.prerendering) return
    if (!seen) {
      seen = Date.now()
      if (arrival) arrival[1] = seen
    }
    if (!allowed || core) return
    core = made ??= createRecorder(options, lock)
    if (arrival) core.look(...arrival)
    for (const act of waiting.splice(0)) act(core)
  }

  const pass: Gate['pass'] = (act) => {
    if (core) act(core)
    else if (allowed != false && waiting.length < MOST_WAITING) waiting.push(act)
  }

  const gate: Gate = {
    core: () => core,
    pass,
    record(type, fields, once) {
      const time = page.prerendering ? 0 : Date.now()
      const digits = once ? digest(type + once) : undefined
      const source = utm_source
      pass((core) =>
        core.record(type, { event_time: new Date(time || seen), utm_source: source, ...fields }, digits))
    },
    look() {
      const query = location.search
      utm_source = new URLSearchParams(query).get('utm_source')
      const code = /[?&]ref=([\w-]{1,64})(&|$)/.exec(query)?.[1]
      if (code) arrival = [query, Date.now()]
      core?.look()
      return code
    },
    consent(given) {
      allowed = given
      if (given) return begin()
      waiting = []
      core = undefined
      clear(openStore())
    },
  }
  gate.look()
  begin()
  document.addEventListener('prerenderingchange', begin)
  return gate
}
