/** Queue of events: each is an entry of the store until the collector has answered for it.
 *
 * All tabs share it. Two of them may send an event at once: it has one event_id and counts once.
 */
import { type Store } from './storage.ts';
export interface Queue {
    add(eventId: string, event: object): void;
    flush(): Promise<void>;
}
/** Runs a function while no other tab does. */
export type Lock = (act: () => Promise<void>) => Promise<void>;
export declare const openQueue: (store: Store, url: string, lock: Lock) => Queue;
