/** An amount as text: `"19.99"`. Numbers aren't exact. */
export type Amount = string;
/** Fields that any event may have, named as in the collector's API. An empty text is left out: forms send
 * one for what nobody filled in. */
export interface Details {
    event_time?: Date | string;
    /** The code that a person typed in. */
    code?: string;
    campaign_id?: string;
    category?: string;
    channel?: string;
    source?: 'electronic' | 'portal' | 'direct';
    utm_source?: string;
    device_id?: string;
    ip?: string;
    user_agent?: string;
    email?: string;
    country?: string;
    properties?: Record<string, unknown>;
}
export interface Context extends Details {
    /** The visitor whose visits the event belongs to. */
    visitor_id?: string;
}
export interface OrderContext extends Context {
    net_amount?: Amount;
    tax?: Amount;
    shipping?: Amount;
}
export interface RefundContext extends Context {
    /** The id of one refund of the order, and its amount. */
    refund_id?: string;
    amount?: Amount;
    /** What has been refunded of the order in all. Without any of these it is refunded in full. */
    amount_refunded?: Amount;
    currency?: string;
}
export type Event = Record<string, unknown> & {
    type: string;
};
export interface Rejection {
    index: number;
    pointer: string;
    reason: string;
}
export interface Receipt {
    accepted: number;
    rejected: Rejection[];
}
export interface Options {
    /** Address of the collector, without a slash at its end. */
    endpoint: string;
    /** A key with the scope `events:write`. */
    secretKey: string;
    /** The most events that wait; a further one is an error at the call. 10,000 by default. */
    capacity?: number;
    /** Milliseconds that the first event of a request waits for others. 200 by default. */
    linger?: number;
    /** Called for each event that the collector rejects; without it an error is logged. */
    onRejected?: (event: Event, rejection: Rejection) => void;
}
/** The collector could not be reached in time, or refused a request. `events` were not sent. */
export declare class NotSent extends Error {
    name: string;
    readonly events: readonly Event[];
    /** The status of the answer, if there was one. */
    readonly status: number | undefined;
    constructor(message: string, events: readonly Event[], status?: number);
}
/** The client of a server. `signup`, `purchase`, `refund` and `identify` return at once; what they
 * report is sent in the background, again and again until the collector has it. Call `close` before
 * the process ends. */
export declare class Reftrail {
    private readonly options;
    private readonly capacity;
    private readonly linger;
    private waiting;
    private sending;
    private timer;
    private closed;
    private ended;
    private lastError;
    constructor(options: Options);
    /** The signup of a user, who has one. */
    signup(userId: string, context?: Context): void;
    /** The purchase of an order, which has one. */
    purchase(userId: string, orderId: string, amount: Amount, currency: string, context?: OrderContext): void;
    /** The refund of an order: of an amount, up to a total, or in full where there is neither. */
    refund(userId: string, orderId: string, context?: RefundContext): void;
    /** A visitor is a user: somebody logged in on this browser or device. */
    identify(userId: string, visitorId: string, details?: Details): void;
    /** Send events now; resolves when Kafka has them. Rejects with `NotSent` after `patience`
     * milliseconds, or for a request that is refused: send the same events again. */
    send(events: readonly Event[], patience?: number): Promise<Receipt>;
    /** Resolves when nothing waits. Rejects with `NotSent`, whose events still wait, after so many
     * milliseconds. */
    flush(patience?: number): Promise<void>;
    /** Send what waits, and take no more. */
    close(patience?: number): Promise<void>;
    private add;
    /** Send until nothing waits; one sender at a time. */
    private run;
    private drain;
    private reject;
    /** One request, tried again with growing pauses while that may help. */
    private deliver;
    private post;
}
