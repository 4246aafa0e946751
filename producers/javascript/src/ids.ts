/** Ids of visitors and events. */

/** A random UUID of version 4: browsers name blobs so. crypto.randomUUID is missing on pages without
 * https, and its replacement would be a tenth of the core. */
export const uuid = (): string => URL.createObjectURL(new Blob()).slice(-36)

/** 12 hexadecimal digits that follow from a text, in the manner of FNV-1a. */
export const digest = (text: string): string => {
  let high = 1
  let low = 2
  for (const unit of text) {
    high = Math.imul(high ^ unit.codePointAt(0)!, 0x1000193)
    low = Math.imul(low ^ high, 0x5bd1e995)
  }
  return ((high >>> 0) * 65536 + (low >>> 16)).toString(16).padStart(12, '0')
}
