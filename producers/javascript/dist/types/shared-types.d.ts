/** Public types of the SDKs with and without a DOM. */
/** The first code that brought this visitor, while its window is open. */
export interface Attribution {
    code: string;
    /** When the visitor came with the code, in milliseconds since 1970. */
    time: number;
}
/** Fields of an event beside those that the SDK fills in, named as in the collector's API. */
export type Fields = Record<string, unknown>;
