import { styleText } from "node:util"
import { printable } from "./printable.js"
import { type Column, renderTable } from "./table.js"

interface Problem {
  readonly message: string
  readonly hint: string | null
}

export interface Streams {
  readonly stdout: {
    /** `done` is called when it takes more. */
    write: (data: string | Uint8Array, done?: () => void) => unknown
    readonly isTTY?: boolean
  }
  readonly stderr: { write: (text: string) => unknown; readonly isTTY?: boolean; readonly columns?: number }
}

type Colour = "green" | "red" | "yellow" | "bold" | "dim"

/** Where a command prints: one JSON document or text for people. */
export class Output {
  readonly #streams: Streams
  readonly #colours: boolean
  #status = ""
  /** Somebody sits there and can be asked. */
  readonly interactive: boolean

  constructor(streams: Streams, environment: Readonly<Record<string, string | undefined>>, canAsk = false) {
    this.#streams = streams
    // https://no-color.org: present and not empty.
    this.#colours =
      streams.stdout.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb"
    this.interactive = canAsk && streams.stdout.isTTY === true
  }

  /** Where somebody watches standard error. `columns` is its width as it is now, where that is known. */
  get errorTerminal(): { readonly columns: number | undefined } | undefined {
    const { isTTY, columns } = this.#streams.stderr
    return isTTY === true ? { columns } : undefined
  }

  /** A line on standard error that the next one, and whatever else is printed, replaces; "" takes it away. */
  status(line: string): void {
    if (line === this.#status) return
    // To the beginning of the line, and the rest of the old one away.
    this.#streams.stderr.write(`\r${line}\x1b[K`)
    this.#status = line
  }

  json(value: unknown): void {
    this.status("")
    this.#streams.stdout.write(JSON.stringify(value, undefined, 2) + "\n")
  }

  text(text: string): void {
    this.status("")
    this.#streams.stdout.write(text.endsWith("\n") ? text : text + "\n")
  }

  /** Much of something, piece by piece: waits until the reader has taken each. */
  bytes(piece: string | Uint8Array): Promise<void> {
    if (this.#streams.stdout.isTTY === true) this.status("")
    return new Promise((resolve) => {
      this.#streams.stdout.write(piece, resolve)
    })
  }

  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): void {
    this.text(rows.length === 0 ? none : renderTable(rows, columns))
  }

  /** What is wrong with the rows of a table, below it: each problem once, after the names of all that have it. */
  problems(rows: readonly { readonly name: string; readonly problem: Problem | null }[]): void {
    const named = new Map<string, { readonly problem: Problem; readonly names: string[] }>()
    for (const { name, problem } of rows) {
      if (problem === null) continue
      const same = named.get(problem.message)
      if (same === undefined) named.set(problem.message, { problem, names: [name] })
      else same.names.push(name)
    }
    for (const { problem, names } of named.values()) {
      const hint = problem.hint === null ? [] : [`  ${printable(problem.hint)}`]
      this.text(["", `${printable(names.join(", "))}: ${printable(problem.message)}`, ...hint].join("\n"))
    }
  }

  /** For people beside the result: what was left out, what comes next. */
  note(text: string): void {
    this.status("")
    this.#streams.stderr.write(text.endsWith("\n") ? text : text + "\n")
  }

  colour(colour: Colour, text: string): string {
    return this.#colours ? styleText(colour, text, { validateStream: false }) : text
  }
}
