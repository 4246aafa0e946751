import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createElement as h, StrictMode } from 'react'
import { act, create, type ReactTestRenderer } from 'react-test-renderer'

import { ReftrailProvider, useReferral, type Client } from '../../dist/react.js'

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

class Sdk implements Client {
  code: string | undefined
  visitor: string | undefined
  answers: boolean[] = []
  listeners = new Set<() => void>()
  subscribe = (changed: () => void) => {
    this.listeners.add(changed)
    return () => void this.listeners.delete(changed)
  }
  getAttribution = () => (this.code ? { code: this.code, time: 1 } : null)
  getVisitorId = () => this.visitor
  identify = () => {}
  consent = (given: boolean) => {
    this.answers.push(given)
    this.visitor = given ? 'v1' : undefined
    if (!given) this.code = undefined
  }
}

const shown: string[] = []
let answer: (given: boolean) => void = () => {}

const Invitation = () => {
  const { code, visitorId, consent } = useReferral()
  answer = consent
  shown.push(`${code} ${visitorId}`)
  return h('p', null, code ? `Invited by ${code}` : 'Welcome')
}

const render = (sdk: Client): ReactTestRenderer => {
  let rendered: ReactTestRenderer | undefined
  act(() => {
    rendered = create(h(StrictMode, null, h(ReftrailProvider, { reftrail: sdk }, h(Invitation))))
  })
  return rendered!
}

const text = (rendered: ReactTestRenderer): string => String(rendered.root.findByType('p').children)

const page = new EventTarget()
for (const name of ['addEventListener', 'removeEventListener'] as const)
  Object.assign(globalThis, { [name]: page[name].bind(page) })

test('a component shows the referral', () => {
  const sdk = new Sdk()
  Object.assign(sdk, { code: 'AMY', visitor: 'v1' })
  const rendered = render(sdk)
  assert.equal(text(rendered), 'Invited by AMY')
  assert.equal(shown.at(-1), 'AMY v1')
  rendered.unmount()
})

test('it follows the visitor within the page, and stops when it is taken away', () => {
  const sdk = new Sdk()
  const rendered = render(sdk)
  assert.equal(text(rendered), 'Welcome')
  sdk.code = 'BEN'
  act(() => void page.dispatchEvent(new Event('popstate')))
  assert.equal(text(rendered), 'Invited by BEN')
  sdk.code = 'AMY'
  act(() => sdk.listeners.forEach((changed) => changed()))
  assert.equal(text(rendered), 'Invited by AMY', 'an app says so itself')
  const before = shown.length
  act(() => void page.dispatchEvent(new Event('popstate')))
  assert.equal(shown.length, before, 'nothing changed, nothing is rendered')
  act(() => rendered.unmount())
  sdk.code = 'EVE'
  page.dispatchEvent(new Event('popstate'))
  assert.deepEqual([shown.length, sdk.listeners.size], [before, 0])
})

test('an answer about consent is given on, and shown', () => {
  const sdk = new Sdk()
  const rendered = render(sdk)
  act(() => answer(true))
  assert.equal(shown.at(-1), 'null v1')
  act(() => answer(false))
  assert.deepEqual([sdk.answers, shown.at(-1)], [[true, false], 'null null'])
  act(() => rendered.unmount())
})

test('without a provider the error says what to do', (t) => {
  t.mock.method(console, 'error', () => {})
  assert.throws(() => act(() => void create(h(Invitation))), /ReftrailProvider/)
})
