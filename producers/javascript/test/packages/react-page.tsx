/** A page of React as a shop may write it, for the tests in a browser: two components use the hook,
 * and each asks for views by themselves. */
import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'

import { createReftrail, type Browser } from '@reftrail/browser'
import { ReftrailProvider, useReferral } from '@reftrail/browser/react'

const { endpoint, publishableKey, asks } = document.body.dataset
const reftrail = createReftrail({
  endpoint: endpoint!,
  key: publishableKey!,
  ...(asks ? { consent: false } : {}),
})
Object.assign(globalThis, { reftrail })

const useViews = (): void => {
  const { reftrail } = useReferral<Browser>()
  useEffect(() => reftrail.autoView(), [reftrail])
}

const Invitation = () => {
  const { code, visitorId } = useReferral()
  useViews()
  return <p id="invitation" data-visitor={visitorId}>{code ? `Invited by ${code}` : 'Welcome'}</p>
}

const Badge = () => {
  const { code, consent, reftrail } = useReferral<Browser>()
  useViews()
  useEffect(() => reftrail.identify('uma'), [reftrail])
  return (
    <p>
      <b id="badge">{code ?? 'nobody'}</b>
      <button onClick={() => consent(true)}>Yes</button>
      <button onClick={() => consent(false)}>No</button>
    </p>
  )
}

const SignUp = () => {
  const { reftrail } = useReferral<Browser>()
  const [form, setForm] = useState<HTMLFormElement | null>(null)
  useEffect(() => (form ? reftrail.attach(form) : undefined), [form, reftrail])
  return <form id="signup" ref={setForm}><label>Name <input name="user" /></label></form>
}

const App = () => {
  const [path, setPath] = useState(location.pathname)
  const [isShown, setShown] = useState(true)
  useEffect(() => {
    const moved = (): void => setPath(location.pathname)
    addEventListener('popstate', moved)
    return () => removeEventListener('popstate', moved)
  }, [])
  const go = (name: string): void => {
    history.pushState({}, '', name)
    setPath(location.pathname)
  }
  return (
    <ReftrailProvider reftrail={reftrail}>
      <h1>{path}</h1>
      <button onClick={() => go('teapot')}>Teapot</button>
      <button onClick={() => go('kettle')}>Kettle</button>
      <button onClick={() => setShown(!isShown)}>{isShown ? 'Hide' : 'Show'}</button>
      {isShown && <><Invitation key={path} /><Badge /><SignUp /></>}
    </ReftrailProvider>
  )
}

createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>)
