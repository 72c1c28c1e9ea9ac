// What the thread of a store has to know of a copy of the ledger. It imports nothing: that thread only carries bytes.

/** Bytes of a copy. A ledger of 10,000 volumes has about three million. */
export const LARGEST_COPY = 32 * 1024 * 1024
export const LONGEST_HEADER = 4096
export const NEW_LINE = 0x0a

/** What follows the first line; undefined where none ends soon enough. */
export function bodyOf(bytes: Uint8Array): Buffer | undefined {
  const end = bytes.subarray(0, LONGEST_HEADER).indexOf(NEW_LINE)
  if (end === -1) return undefined
  return Buffer.from(bytes.buffer, bytes.byteOffset + end + 1, bytes.length - end - 1)
}

/** Whether two copies say the same, whenever they were written. */
export function saysTheSame(one: Uint8Array, other: Uint8Array): boolean {
  const [left, right] = [bodyOf(one), bodyOf(other)]
  return left !== undefined && right !== undefined && Buffer.compare(left, right) === 0
}
