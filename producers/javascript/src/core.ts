/** The core alone: the first code, views and clicks, and the queue. */
import { createRecorder, isAllowed, whenSeen } from './recorder.ts'
import type { Core, Options } from './types.ts'

export type { Attribution, Core, Fields, Options } from './types.ts'

/** The core, or undefined where the visitor hasn't agreed: nothing is read, stored or sent then. Make
 * it with `consent: true` once they have. What a prerendered page does counts once somebody sees it. */
export const createReftrail = (options: Options): Core | undefined => {
  if (isAllowed(options)) {
    const recorder = createRecorder(options)
    whenSeen(() => recorder.look())
    return recorder
  }
}
