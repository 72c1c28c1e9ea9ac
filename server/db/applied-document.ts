import type Database from "better-sqlite3"
import { translated } from "./errors.js"

export interface AppliedDocument {
  /** Normalised JSON, with references in place of secret values. */
  readonly document: string
  /** Unix milliseconds. */
  readonly appliedAt: number
}

/** The document that was applied last. */
export class AppliedDocuments {
  readonly #read
  readonly #write

  constructor(connection: Database.Database) {
    this.#read = connection.prepare<[], AppliedDocument>(
      "SELECT document, applied_at AS appliedAt FROM applied_document",
    )
    this.#write = connection.prepare<[string, number]>(
      `INSERT INTO applied_document VALUES (1, ?, ?)
       ON CONFLICT (id) DO UPDATE SET document = excluded.document, applied_at = excluded.applied_at`,
    )
  }

  current(): AppliedDocument | undefined {
    return translated("reading the applied document", () => this.#read.get())
  }

  replace(document: string, at: number): void {
    translated("saving the applied document", () => this.#write.run(document, at))
  }
}
