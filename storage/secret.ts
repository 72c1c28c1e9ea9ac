import { inspect } from "node:util"

/** A password or key in transit. Every way of printing it shows "[secret]"; only `reveal` gives the bytes' text. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself. Call it where the text is used, never to store or pass it on. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return "[secret]"
  }

  toJSON(): string {
    return "[secret]"
  }

  [inspect.custom](): string {
    return "[secret]"
  }
}
