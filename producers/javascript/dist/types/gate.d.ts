/** Gate before the core: nothing is read, stored or sent before the visitor has agreed and, where the
 * page is prerendered, before somebody sees it. */
import type { Lock } from './queue.ts';
import { type Recorder } from './recorder.ts';
import type { Fields, Options } from './types.ts';
export interface Gate {
    /** The core, while the gate is open. */
    core(): Recorder | undefined;
    /** Do something now, or when the gate opens; after a refusal never. */
    pass(act: (core: Recorder) => void): void;
    record(type: string, fields?: Fields, once?: string): void;
    look(): string | undefined;
    consent(given: boolean): void;
}
export declare const createGate: (options: Options, lock: Lock) => Gate;
