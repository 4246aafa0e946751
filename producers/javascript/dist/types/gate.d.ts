import type { Lock } from './queue.ts';
import { type Recorder } from './recorder.ts';
import type { Fields, Options } from './types.ts';
export interface Gate {
    /** The core, while the gate is open. */
    core(): Recorder | undefined;
    /** Do something now, or when the gate opens; after a refusal never. */
    pass(act: (core: Recorder) => void): void;
    /** Record an event. Of those with the same type and `once` the visitor's first counts. */
    record(type: string, fields?: Fields, once?: string): void;
    look(): string | undefined;
    consent(given: boolean): void;
}
export declare const createGate: (options: Options, lock: Lock) => Gate;
