import { type Lock } from './queue.ts';
import type { Core, Fields, Options } from './types.ts';
/** Whether the visitor has agreed: by the options, else unless the browser says that they don't wish
 * it (Global Privacy Control). A script tag's `data-consent` is a text, and never an answer. */
export declare const isAllowed: (options: Options) => boolean;
/** Act once somebody sees the page: a prerendered one may never be seen. */
export declare const whenSeen: (act: () => void) => void;
/** The core, and what is built on it. */
export interface Recorder extends Core {
    /** Add an event. Of those of a visitor with the same 12 digits the first counts. */
    record(type: string, fields?: Fields, digits?: string): void;
    /** Read the code in the query of an address at which the visitor was at a time. */
    look(query?: string, time?: number): string | undefined;
}
export declare const createRecorder: (options: Options, lock?: Lock) => Recorder;
