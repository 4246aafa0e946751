/** Ids of visitors and events. */
/** A random UUID of version 4: browsers name blobs so. crypto.randomUUID is missing on pages without
 * https, and its replacement would be a tenth of the core. */
export declare const uuid: () => string;
/** 12 hexadecimal digits that follow from a text, in the manner of FNV-1a. */
export declare const digest: (text: string) => string;
