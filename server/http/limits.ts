/** What one client may take of the daemon. Times in milliseconds. */
export interface Limits {
  /** From the first byte, or the connection, to the end of the headers. */
  readonly headersMs: number
  /** To the end of the request's body. */
  readonly requestMs: number
  /** An idle connection is closed after this: with a CA bundle, Kyverno opens one for every call and never closes it. */
  readonly keepAliveMs: number
  /** No `/exists` waits longer; then it is answered `unknown`. */
  readonly answerMs: number
  readonly connections: number
  /** What a client was answered it has to take within this time, else its connection is cut. */
  readonly takeMs: number
  /** Answers that one client may wait for at once, by pipelining; beyond it, no more is read from it for the time being. */
  readonly pending: number
}

export const defaultLimits: Limits = {
  headersMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 10_000,
  answerMs: 2_000,
  connections: 10_000,
  takeMs: 30_000,
  pending: 100,
}

/** Room for a URL that is far too long to be answered by its own 400; beyond it, 431. */
export const MOST_HEADER_BYTES = 32 * 1024

/** Connections that wait to be accepted: an admission webhook's burst must not be refused. */
export const BACKLOG = 1024
