/** The whole SDK: the core with forms, users and views by themselves. */
import { createGate } from './gate.ts'
import type { Lock } from './queue.ts'
import type { Browser, Fields, Options } from './types.ts'

export type { Attribution, Browser, Core, Fields, Options } from './types.ts'

const HIDDEN = 'reftrail_'

/** One tab at a time sends, where the browser has locks. */
const alone: Lock = async (act) => {
  const locks = navigator.locks as LockManager | undefined // missing without https
  try {
    await (locks ? locks.request('reftrail', act) : act())
  } catch {
    await act() // cookies are blocked, and locks with them
  }
}

/** The SDK for one collector. */
export const createReftrail = (options: Options): Browser => {
  const { core, record, look, consent } = createGate(options, alone)

  const view = (fields?: Fields): void => record('view', { code: look(), ...fields })
  const getAttribution = () => core()?.getAttribution() ?? null
  const getVisitorId = () => core()?.getVisitorId()
  const formStarted = (name = ''): void =>
    record('form_started', {}, name + location.pathname + new Date().toISOString().slice(0, 10))

  const fill = (form: HTMLFormElement, name: string, value: string | undefined): void => {
    let field = form.querySelector<HTMLInputElement>(`input[name=${HIDDEN}${name}]`)
    if (!field) {
      field = document.createElement('input')
      field.type = 'hidden'
      field.name = HIDDEN + name
      form.append(field)
    }
    field.value = value ?? ''
  }

  /** Those who want views by themselves. Components of one page may be several, and come and go:
   * React's StrictMode mounts each twice. An address counts once until the visitor leaves it. */
  let watchers = 0
  let at = ''
  const moved = (): void => {
    const here = location.pathname + location.search
    if (at == here) return
    at = watchers ? here : ''
    if (watchers) view()
  }
  let isWatched = false
  /** Once: a router that wraps `history` later would lose its own changes by an undoing of these. */
  const watch = (): void => {
    for (const name of ['pushState', 'replaceState'] as const) {
      const change = history[name]
      history[name] = (...state) => {
        change.apply(history, state)
        moved()
      }
    }
    addEventListener('popstate', moved)
    addEventListener('pageshow', ({ persisted }) => {
      if (watchers && persisted) view()
    })
  }

  return {
    consent,
    view,
    getAttribution,
    getVisitorId,
    formStarted,
    click: (code = look()) => record('click', { code }),
    flush: async () => core()?.flush(),
    identify: (userId) => record('identified', { user_id: userId }, userId),

    attach(form) {
      const controller = new AbortController()
      const { signal } = controller
      const update = (): void => {
        fill(form, 'visitor_id', getVisitorId())
        fill(form, 'code', getAttribution()?.code)
      }
      update()
      form.addEventListener('input', () => formStarted(form.id || form.name), { signal, once: true })
      form.addEventListener('submit', update, { signal, capture: true })
      // Scripts that read the form without an event of submission, such as `new FormData(form)`.
      form.addEventListener('formdata', ({ formData }) => {
        formData.set(HIDDEN + 'visitor_id', getVisitorId() ?? '')
        formData.set(HIDDEN + 'code', getAttribution()?.code ?? '')
      }, { signal })
      return () => controller.abort()
    },

    autoView() {
      if (!isWatched) watch()
      isWatched = true
      watchers++
      moved()
      let ends = (): void => {
        watchers--
        ends = () => {}
      }
      return () => ends()
    },
  }
}
