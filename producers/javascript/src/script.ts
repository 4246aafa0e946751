/** The script tag: `<script src="reftrail.js" data-endpoint="..." data-key="...">` makes
 * `window.reftrail`, and reports views by itself unless it has `data-manual`. With `data-consent` it
 * waits for `reftrail.consent(true)`; `data-window` gives the days. */
import { createReftrail } from './index.ts'
import type { Options } from './types.ts'

const attributes = document.currentScript!.dataset
const reftrail = createReftrail(attributes as unknown as Options)
Object.assign(window, { reftrail })
if (!('manual' in attributes)) reftrail.autoView()
