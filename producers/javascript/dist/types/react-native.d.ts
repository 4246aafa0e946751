/** The SDK for React Native: no DOM, storage by an adapter, and which link led to the install. */
import type { Attribution, Fields } from './shared-types.ts';
export type { Attribution, Fields } from './shared-types.ts';
/** What is needed of `@react-native-async-storage/async-storage`, or of a store of your own. */
export interface Storage {
    getItem(key: string): Promise<string | null>;
    setItem(key: string, value: string): Promise<unknown>;
    removeItem(key: string): Promise<unknown>;
}
/** What is needed of React Native's `AppState`. */
export interface AppStates {
    addEventListener(type: 'change', listener: (state: string) => void): {
        remove(): void;
    };
}
export interface Options {
    /** Address of the collector, without a slash at its end. */
    endpoint: string;
    /** Publishable key; with `appId` where it is for apps. */
    key: string;
    appId?: string;
    storage: Storage;
    appState?: AppStates;
    /** `Platform.OS`, and whether the screen is a tablet's: for guesses. */
    os: 'android' | 'ios';
    device?: 'phone' | 'tablet';
    /** Days for which the first code holds: the campaign's attribution window. 30 by default. */
    window?: number;
    /** While false nothing is read, stored or sent. True by default. */
    consent?: boolean;
}
/** The collector's answer to the question by which click the app was installed. */
export interface Match {
    match: 'exact' | 'guess' | 'none';
    by?: 'click' | 'referrer' | 'address';
    code?: string;
    clicked_at?: string;
}
export interface App {
    /** Ask by which click the app was installed; once, at its first opening. `referrer` is the Play
     * store's. A guess is a question to the person: `signup` names the code if they say yes. It
     * resolves to undefined before consent, and where the collector can't be reached. */
    match(shown?: {
        referrer?: string | null;
        signedClick?: string | null;
    }): Promise<Match | undefined>;
    /** The app was opened by an address: reports the click of its `ref`. */
    opened(url: string): Promise<void>;
    view(fields?: Fields): Promise<void>;
    click(code: string): Promise<void>;
    formStarted(name?: string): Promise<void>;
    identify(userId: string): Promise<void>;
    getAttribution(): Attribution | null;
    /** The id that the server's signup names; undefined before consent. */
    getVisitorId(): string | undefined;
    consent(given: boolean): Promise<void>;
    /** Send now. Resolves when the collector has answered or can't be reached. */
    flush(): Promise<void>;
    /** Call a function when what is known may have changed, until the returned one is called. */
    subscribe(changed: () => void): () => void;
    /** Listen no more. */
    close(): void;
}
/** The SDK of an app. Resolves when what is stored has been read. */
export declare const createReftrail: (options: Options) => Promise<App>;
