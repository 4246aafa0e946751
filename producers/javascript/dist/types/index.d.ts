import type { Browser, Options } from './types.ts';
export type { Attribution, Browser, Core, Fields, Options } from './types.ts';
/** The SDK for one collector. */
export declare const createReftrail: (options: Options) => Browser;
