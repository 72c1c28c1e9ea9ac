import type { BrowseHead, BrowseNote } from "./requests.js"

/** An answer of a browsing thread. */
export interface Answer {
  readonly head: BrowseHead
  readonly body: AsyncIterable<Uint8Array>
}

/** What an answer is given. */
export interface AnswerContext {
  readonly signal: AbortSignal
  /** Says something beside the bytes. */
  readonly note: (note: BrowseNote) => void
}
