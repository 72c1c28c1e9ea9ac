import { styleText } from "node:util"
import { type Column, renderTable } from "./table.js"

export interface Streams {
  readonly stdout: { write: (text: string) => unknown; readonly isTTY?: boolean }
  readonly stderr: { write: (text: string) => unknown; readonly isTTY?: boolean }
}

type Colour = "green" | "red" | "yellow" | "bold" | "dim"

/** Where a command prints: one JSON document or text for people. */
export class Output {
  readonly #streams: Streams
  readonly #colours: boolean
  /** Somebody sits there and can be asked. */
  readonly interactive: boolean

  constructor(streams: Streams, environment: Readonly<Record<string, string | undefined>>, canAsk = false) {
    this.#streams = streams
    // https://no-color.org: present and not empty.
    this.#colours =
      streams.stdout.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb"
    this.interactive = canAsk && streams.stdout.isTTY === true
  }

  json(value: unknown): void {
    this.#streams.stdout.write(JSON.stringify(value, undefined, 2) + "\n")
  }

  text(text: string): void {
    this.#streams.stdout.write(text.endsWith("\n") ? text : text + "\n")
  }

  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): void {
    this.text(rows.length === 0 ? none : renderTable(rows, columns))
  }

  /** For people beside the result: what was left out, what comes next. */
  note(text: string): void {
    this.#streams.stderr.write(text.endsWith("\n") ? text : text + "\n")
  }

  colour(colour: Colour, text: string): string {
    return this.#colours ? styleText(colour, text, { validateStream: false }) : text
  }
}
