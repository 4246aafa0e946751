/** React: the SDK for a tree of components, and the visitor's referral within it. */
import { type ReactNode } from 'react';
import type { Browser } from './types.ts';
/** The SDK of `@reftrail/browser` or `@reftrail/browser/react-native`. */
export interface Client extends Pick<Browser, 'getAttribution' | 'getVisitorId' | 'consent' | 'identify'> {
    /** Calls a function when what is known may have changed, until the returned one is called. */
    subscribe?(changed: () => void): () => void;
}
export interface Referral<C extends Client = Client> {
    /** The first code that brought this visitor, while its window is open. */
    code: string | null;
    /** When the visitor came with the code, in milliseconds since 1970. */
    time: number | null;
    /** The id that the server's signup names; null on the server, and before consent. */
    visitorId: string | null;
    /** The visitor's answer, as `consent` of the SDK: components see what follows from it. */
    consent(given: boolean): void;
    /** The SDK itself. */
    reftrail: C;
}
/** Gives the SDK to the components in it. Make the SDK once, outside of components. */
export declare const ReftrailProvider: (props: {
    reftrail: Client;
    children?: ReactNode;
}) => ReactNode;
/** The visitor's referral. While a page is rendered on a server, and until it is hydrated, there is
 * none. */
export declare const useReferral: <C extends Client = Client>() => Referral<C>;
