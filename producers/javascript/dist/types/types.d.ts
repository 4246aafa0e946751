/** Public types of the browser's SDK. */
import type { Attribution, Fields } from './shared-types.ts';
export type { Attribution, Fields } from './shared-types.ts';
export interface Options {
    /** Address of the collector, such as "https://events.shop.example", without a slash at its end. */
    endpoint: string;
    /** Publishable key. */
    key: string;
    /** Days for which the first code holds: the campaign's attribution window. 30 by default. */
    window?: number;
    /** Whether the visitor has agreed; while false nothing is read, stored or sent. True by default,
     * unless the browser asks for privacy (Global Privacy Control). */
    consent?: boolean | undefined;
}
export interface Core {
    /** Report that a page was seen. Reads the address first, for a code in it. */
    view(fields?: Fields): void;
    /** Report a click on a code's link; the code is that of the address unless given. */
    click(code?: string): void;
    getAttribution(): Attribution | null;
    /** The visitor's id, which the server's signup names. */
    getVisitorId(): string;
    /** Send what waits now. Resolves when the collector has answered or can't be reached. */
    flush(): Promise<void>;
}
export interface Browser extends Omit<Core, 'getVisitorId'> {
    /** The visitor's id, which the server's signup names; undefined before consent. */
    getVisitorId(): string | undefined;
    /** The visitor's answer. False deletes what is stored, and drops what waits. */
    consent(given: boolean): void;
    /** Report that the visitor began to fill in a form. Once for each name and page. */
    formStarted(name?: string): void;
    /** Report that this visitor is a user of yours. */
    identify(userId: string): void;
    /** Fill hidden fields `reftrail_visitor_id` and `reftrail_code` of a form, for the server that
     * reports the signup, and report when it is begun. Returns a function that undoes it. */
    attach(form: HTMLFormElement): () => void;
    /** View events by themselves: now, at each navigation within the page, and when the page comes
     * back out of the back/forward cache. Called several times, it counts each address once. Returns
     * a function that ends it for this caller. */
    autoView(): () => void;
}
