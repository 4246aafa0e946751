/** The script tag with the core alone: makes `window.reftrail` and reports one view. */
import { createReftrail } from './core.ts'
import type { Core, Options } from './types.ts'

const page = window as { reftrail?: Core | undefined }
;(page.reftrail = createReftrail(document.currentScript!.dataset as unknown as Options))?.view()
