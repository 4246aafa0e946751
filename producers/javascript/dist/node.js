// src/node.ts
import { createHash, randomUUID } from "node:crypto";
var NotSent = class extends Error {
  constructor(message, events, status) {
    super(message);
    this.name = "NotSent";
    this.events = events;
    this.status = status;
  }
};
var NAMESPACE = Buffer.from("7b1f8a526a0e5d7c9e432f4c1b8d9a60", "hex");
var MOST_EVENTS = 1e3;
var MOST_BYTES = 1e6;
var FIRST_DELAY = 100;
var LONGEST_DELAY = 5e3;
var TIMEOUT = 3e4;
var HOPELESS = /* @__PURE__ */ new Set([400, 413, 415]);
var idOf = (...identity) => {
  const texts = identity.map(
    (part) => JSON.stringify(part).replace(
      /[\u007f-\uffff]/g,
      (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0")
    )
  );
  const hash = createHash("sha1").update(NAMESPACE).update(`[${texts.join(", ")}]`).digest();
  hash[6] = hash[6] & 15 | 80;
  hash[8] = hash[8] & 63 | 128;
  const digits = hash.toString("hex", 0, 16);
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]].map(([a, b]) => digits.slice(a, b)).join("-");
};
var pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
var AMOUNTS = /* @__PURE__ */ new Set(["amount", "net_amount", "tax", "shipping", "amount_refunded"]);
var OPTIONAL = /* @__PURE__ */ new Set([
  ...["visitor_id", "code", "campaign_id", "category", "channel", "source", "utm_source"],
  ...["device_id", "ip", "user_agent", "email", "country"]
]);
var NEEDED = {
  signup: ["user_id"],
  purchase: ["user_id", "order_id", "amount", "currency"],
  refund: ["user_id", "order_id"],
  identified: ["user_id", "visitor_id"]
};
var isCode = (text) => /^[\w-]{1,64}$/.test(
  text.replace(/[\uff01-\uff5e]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 65248)).trim().replace(/\s*-\s*|\s+/g, "-")
);
var eventOf = (type, identity, fields) => {
  const event = { type, event_id: idOf(type, ...identity), event_time: /* @__PURE__ */ new Date() };
  for (const [name, value] of Object.entries(fields)) {
    if (value === void 0 || value === null) continue;
    if (OPTIONAL.has(name) && typeof value == "string" && !value.trim()) continue;
    if (name == "code" && typeof value == "string" && !isCode(value)) {
      console.warn(`reftrail: a text of ${value.length} characters can't be a code, and is left out`);
      continue;
    }
    if (typeof value == "number")
      throw new TypeError(`${name} is the number ${value}, which isn't exact; give a text: '19.99'`);
    if (/_id$/.test(name) && (typeof value != "string" || !value))
      throw new TypeError(`${name} is ${JSON.stringify(value)}; expected a text that isn't empty`);
    if (AMOUNTS.has(name) && !/^\d{1,13}(\.\d{1,6})?$/.test(String(value)))
      throw new TypeError(`${name} is ${JSON.stringify(value)}; expected a text such as '19.99'`);
    if (name == "currency" && !/^[A-Z]{3}$/.test(String(value)))
      throw new TypeError(`currency is ${JSON.stringify(value)}; expected three capital letters`);
    event[name] = value;
  }
  for (const name of NEEDED[type])
    if (!(name in event)) throw new TypeError(`${name} is missing; an event ${type} can't be without`);
  return event;
};
var Reftrail = class {
  constructor(options) {
    this.waiting = [];
    this.closed = false;
    this.ended = false;
    this.lastError = "the collector hasn't answered yet";
    this.options = options;
    this.capacity = options.capacity ?? 1e4;
    this.linger = options.linger ?? 200;
  }
  /** The signup of a user, who has one. */
  signup(userId, context = {}) {
    this.add(eventOf("signup", [userId], { ...context, user_id: userId }));
  }
  /** The purchase of an order, which has one. */
  purchase(userId, orderId, amount, currency, context = {}) {
    const fields = { ...context, user_id: userId, order_id: orderId, amount, currency };
    this.add(eventOf("purchase", [userId, orderId], fields));
  }
  /** The refund of an order: of an amount, up to a total, or in full where there is neither. */
  refund(userId, orderId, context = {}) {
    const { refund_id, amount, amount_refunded } = context;
    if (amount !== void 0 && refund_id === void 0)
      throw new TypeError(
        `the refund of ${amount} of order ${orderId} needs a refund_id, since an order may have several; or give amount_refunded, what has been refunded of the order in all`
      );
    const identity = [userId, orderId, refund_id ?? null, amount_refunded ?? null];
    this.add(eventOf("refund", identity, { ...context, user_id: userId, order_id: orderId }));
  }
  /** A visitor is a user: somebody logged in on this browser or device. */
  identify(userId, visitorId, details = {}) {
    const fields = { ...details, user_id: userId, visitor_id: visitorId };
    this.add(eventOf("identified", [userId, visitorId], fields));
  }
  /** Send events now; resolves when Kafka has them. Rejects with `NotSent` after `patience`
   * milliseconds, or for a request that is refused: send the same events again. */
  async send(events, patience = 6e4) {
    const named = events.map((event) => ({ event_id: randomUUID(), ...event }));
    const receipt = { accepted: 0, rejected: [] };
    const until = Date.now() + patience;
    for (let first = 0; first < named.length; ) {
      const batch = take(named.slice(first));
      const answered = await this.deliver(batch, until, () => named.slice(first));
      receipt.accepted += answered.accepted;
      for (const rejection of answered.rejected)
        receipt.rejected.push({ ...rejection, index: rejection.index + first });
      first += batch.length;
    }
    return receipt;
  }
  /** Resolves when nothing waits. Rejects with `NotSent`, whose events still wait, after so many
   * milliseconds. */
  async flush(patience = 1e4) {
    const until = Date.now() + patience;
    while (this.waiting.length) {
      const left = until - Date.now();
      if (left <= 0) {
        const { length } = this.waiting;
        throw new NotSent(`${length} events were not sent: ${this.lastError}`, [...this.waiting]);
      }
      await Promise.race([this.run(), pause(Math.min(left, 100))]);
    }
  }
  /** Send what waits, and take no more. */
  async close(patience = 1e4) {
    this.closed = true;
    try {
      await this.flush(patience);
    } finally {
      clearTimeout(this.timer);
      this.ended = true;
      this.waiting = [];
    }
  }
  add(event) {
    if (this.closed) throw new Error("the client is closed");
    if (this.waiting.length >= this.capacity)
      throw new Error(
        `${this.waiting.length} events wait, and the queue takes no more: ${this.lastError}. Call again later, or give a larger capacity`
      );
    this.waiting.push(event);
    this.timer ??= setTimeout(() => void this.run(), this.linger);
  }
  /** Send until nothing waits; one sender at a time. */
  run() {
    return this.sending ??= this.drain().finally(() => {
      this.sending = void 0;
      this.timer = void 0;
    });
  }
  async drain() {
    while (this.waiting.length) {
      const batch = take(this.waiting);
      try {
        const { rejected } = await this.deliver(batch, Infinity, () => this.waiting);
        this.waiting.splice(0, batch.length);
        for (const rejection of rejected) this.reject(batch[rejection.index], rejection);
      } catch (error) {
        if (this.ended) return;
        const { message, status } = error;
        this.lastError = message;
        if (status !== void 0 && HOPELESS.has(status)) {
          this.waiting.splice(0, batch.length);
          batch.forEach((event, index) => this.reject(event, { index, pointer: "", reason: message }));
        } else {
          console.error("reftrail:", this.waiting.length, "events wait:", message);
          await pause(LONGEST_DELAY);
        }
      }
    }
  }
  reject(event, rejection) {
    const { onRejected } = this.options;
    if (!onRejected) return console.error("reftrail: rejected", event.type, rejection);
    try {
      onRejected(event, rejection);
    } catch (error) {
      console.error("reftrail: onRejected failed", error);
    }
  }
  /** One request, tried again with growing pauses while that may help. */
  async deliver(events, until, left) {
    for (let attempt = 0; ; attempt++) {
      if (this.ended) throw new NotSent("the client is closed", left());
      let said;
      let asked = 0;
      let status;
      try {
        const answer = await this.post(events);
        if (answer.status == 202) return await answer.json();
        status = answer.status;
        said = `the collector answered ${status}: ${await answer.text()}`;
        asked = Number(answer.headers.get("retry-after")) * 1e3 || 0;
      } catch (error) {
        said = `the collector can't be reached: ${String(error)}`;
      }
      this.lastError = said;
      if (status !== void 0 && status != 408 && status != 429 && status < 500)
        throw new NotSent(said, left(), status);
      const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
      const delay = Math.max(asked, longest * (1 - Math.random() / 2));
      if (Date.now() + delay > until) throw new NotSent(said, left(), status);
      await pause(delay);
    }
  }
  post(events) {
    return fetch(`${this.options.endpoint}/v1/events`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.options.secretKey}`,
        "content-type": "application/json"
      },
      body: JSON.stringify({ sent_at: /* @__PURE__ */ new Date(), events }),
      signal: AbortSignal.timeout(TIMEOUT)
    });
  }
};
var take = (events) => {
  let size = 0;
  const fitting = events.slice(0, MOST_EVENTS).findIndex((event, index) => {
    size += Buffer.byteLength(JSON.stringify(event)) + 1;
    return size > MOST_BYTES && index > 0;
  });
  return events.slice(0, fitting < 0 ? MOST_EVENTS : fitting);
};
export {
  NotSent,
  Reftrail
};
