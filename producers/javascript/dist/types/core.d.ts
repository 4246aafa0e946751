import type { Core, Options } from './types.ts';
export type { Attribution, Core, Fields, Options } from './types.ts';
/** The core, or undefined where the visitor hasn't agreed: nothing is read, stored or sent then. Make
 * it with `consent: true` once they have. What a prerendered page does counts once somebody sees it. */
export declare const createReftrail: (options: Options) => Core | undefined;
