/** First-party storage: cookies on the widest domain that takes them, with localStorage behind. */
export type Store = Record<string, string>;
export declare const PREFIX = "reftrail";
/** localStorage, or an object of this page where the browser denies it. */
export declare const openStore: () => Store;
export declare const read: (store: Store, name: string) => string | undefined;
export declare const write: (store: Store, name: string, value: string, seconds: number) => void;
/** Delete everything that the SDK stored. */
export declare const clear: (store: Store) => void;
/** The visitor's id. The collector's redirect sets the same cookie. */
export declare const VISITOR: string;
/** The first code, a dot, and when it came. */
export declare const FIRST: string;
