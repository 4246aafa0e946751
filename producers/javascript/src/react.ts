/** React: the SDK for a tree of components, and the visitor's referral within it. */
import {
  createContext,
  createElement,
  useContext,
  useMemo,
  useSyncExternalStore,
  type ReactNode,
} from 'react'
import type { Attribution, Browser } from './types.ts'

/** The SDK of `@reftrail/browser` or `@reftrail/browser/react-native`. */
export interface Client
  extends Pick<Browser, 'getAttribution' | 'getVisitorId' | 'consent' | 'identify'> {
  /** Calls a function when what is known may have changed, until the returned one is called. */
  subscribe?(changed: () => void): () => void
}

export interface Referral<C extends Client = Client> {
  /** The first code that brought this visitor, while its window is open. */
  code: string | null
  /** When the visitor came with the code, in milliseconds since 1970. */
  time: number | null
  /** The id that the server's signup names; null on the server, and before consent. */
  visitorId: string | null
  /** The visitor's answer, as `consent` of the SDK: components see what follows from it. */
  consent(given: boolean): void
  /** The SDK itself. */
  reftrail: C
}

interface Shared {
  reftrail: Client
  subscribe(changed: () => void): () => void
  consent(given: boolean): void
  read(): string
}

const Reftrail = createContext<Shared | null>(null)

/** Events after which the address may have another code, or another tab may have stored one. */
const CHANGES = ['popstate', 'pageshow', 'storage', 'focus']

const share = (reftrail: Client): Shared => {
  const listeners = new Set<() => void>()
  const changed = (): void => listeners.forEach((listener) => listener())
  let unsubscribe: (() => void) | undefined
  const page = globalThis as Partial<Pick<Window, 'addEventListener' | 'removeEventListener'>>
  return {
    reftrail,
    subscribe(listener) {
      if (!listeners.size) {
        for (const name of CHANGES) page.addEventListener?.(name, changed)
        unsubscribe = reftrail.subscribe?.(changed)
      }
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size) return
        for (const name of CHANGES) page.removeEventListener?.(name, changed)
        unsubscribe?.()
      }
    },
    consent(given) {
      reftrail.consent(given)
      changed()
    },
    read: () => JSON.stringify([reftrail.getAttribution(), reftrail.getVisitorId() ?? null]),
  }
}

/** Gives the SDK to the components in it. Make the SDK once, outside of components. */
export const ReftrailProvider = (props: { reftrail: Client; children?: ReactNode }): ReactNode => {
  const shared = useMemo(() => share(props.reftrail), [props.reftrail])
  return createElement(Reftrail.Provider, { value: shared }, props.children)
}

const nobody = (): string => '[null,null]'

/** The visitor's referral. While a page is rendered on a server, and until it is hydrated, there is
 * none. */
export const useReferral = <C extends Client = Client>(): Referral<C> => {
  const shared = useContext(Reftrail)
  if (!shared) throw new Error('useReferral needs a <ReftrailProvider reftrail={...}> around it')
  const read = useSyncExternalStore(shared.subscribe, shared.read, nobody)
  return useMemo(() => {
    const [first, visitorId] = JSON.parse(read) as [Attribution | null, string | null]
    return {
      code: first?.code ?? null,
      time: first?.time ?? null,
      visitorId,
      consent: shared.consent,
      reftrail: shared.reftrail as C,
    }
  }, [read, shared])
}
