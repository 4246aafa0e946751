import { type Lock } from './queue.ts';
import type { Core, Fields, Options } from './types.ts';
/** Whether the visitor has agreed: by the options, else unless the browser says that they don't wish
 * it (Global Privacy Control). A script tag's `data-consent` is a text, and never an answer. */
export declare const isAllowed: (options: Options) => boolean;
/** The core, and what is built on it. */
export interface Recorder extends Core {
    /** Add an event. Of those with the same type and `once` the visitor's first counts. */
    record(type: string, fields?: Fields, once?: string): void;
    /** Read the code in the query of an address at which the visitor was at a time. */
    look(query?: string, time?: number): string | undefined;
}
export declare const createRecorder: (options: Options, lock?: Lock) => Recorder;
