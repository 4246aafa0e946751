/** First-party storage: cookies on the widest domain that takes them, with localStorage behind. */

export type Store = Record<string, string>

export const PREFIX = 'reftrail'

/** localStorage, or an object of this page where the browser denies it. */
export const openStore = (): Store => {
  try {
    return localStorage
  } catch {
    return {}
  }
}

const cookie = (name: string): string | undefined =>
  ('; ' + document.cookie).split(`; ${name}=`)[1]?.split(';')[0]

/** Set a cookie for all subdomains of the site: on the shortest domain that the browser takes. */
const setCookie = (name: string, value: string, seconds: number): void => {
  const labels = location.hostname.split('.')
  for (let first = labels.length; first >= 0; first--) {
    // In the last round no domain was taken (an address, a single label): this host alone.
    const domain = first ? ';domain=' + labels.slice(first - 1).join('.') : ''
    const secure = location.protocol == 'https:' ? ';secure' : ''
    document.cookie = `${name}=${value};path=/;samesite=lax;max-age=${seconds + domain + secure}`
    if (value && cookie(name) == value) return
  }
}

export const read = (store: Store, name: string): string | undefined => cookie(name) ?? store[name]

export const write = (store: Store, name: string, value: string, seconds: number): void => {
  setCookie(name, value, seconds)
  try {
    store[name] = value
  } catch {
    // Full: the cookie has it.
  }
}

/** Delete everything that the SDK stored. */
export const clear = (store: Store): void => {
  for (const name of Object.keys(store))
    if (name.startsWith(PREFIX)) delete store[name]
  for (const name of [VISITOR, FIRST]) setCookie(name, '', 0)
}

/** The visitor's id. The collector's redirect sets the same cookie. */
export const VISITOR = PREFIX + '_visitor'

/** The first code, a dot, and when it came. */
export const FIRST = PREFIX + '_first'
