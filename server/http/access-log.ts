/** Where lines go: pino's destination, shared with the daemon's log so that lines of both never mix. */
export interface LineSink {
  write(text: string): unknown
}

const FLUSH_MS = 250
const FLUSH_LENGTH = 64 * 1024
/** A path longer than this is told by its beginning. */
const LONGEST_PATH = 300

/**
 * One JSON line for each request, gathered in memory and written many at a time: a write for each request would cost more
 * than its answer. Queries and headers are left out, because either may hold a secret.
 */
export class AccessLog {
  readonly #sink: LineSink
  #lines = ""
  #timer: NodeJS.Timeout | undefined

  constructor(sink: LineSink) {
    this.#sink = sink
  }

  /** `time`: Unix milliseconds; `ms`: how long it took; `client`: undefined where nobody knows. */
  write(
    time: number,
    method: string,
    path: string,
    status: number,
    ms: number,
    client: string | undefined,
  ): void {
    const shown = path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path
    this.#lines +=
      `{"level":"info","time":${time},"msg":"request","method":"${method}","path":${JSON.stringify(shown)},` +
      `"status":${status},"ms":${Math.round(ms * 1000) / 1000},"client":${JSON.stringify(client ?? null)}}\n`
    if (this.#lines.length >= FLUSH_LENGTH) this.flush()
    else
      this.#timer ??= setTimeout(() => {
        this.flush()
      }, FLUSH_MS).unref()
  }

  /** Hands what was gathered to the sink. Call it last at shutdown, before the sink is closed. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines === "") return
    const lines = this.#lines
    this.#lines = ""
    this.#sink.write(lines)
  }
}
