import type { FenceRecord } from "../../storage/disk/index.js"
import { Secret } from "../../storage/index.js"
import type { Document } from "../config/index.js"
import { AppliedDocuments, Fences, Marks, mountName, type StateDatabase } from "../db/index.js"
import { documentFromText, type DocumentShelf, textOfDocument } from "./apply.js"

interface SecretShelf {
  put(name: string, secret: Secret, at: number): void
}

/** The applied document, the fences and the marks in the state database. */
export class DatabaseShelf implements DocumentShelf {
  /** For reading; changed through the methods below, which remember what they hold. */
  readonly fences: Fences
  readonly marks: Marks
  readonly #documents: AppliedDocuments
  readonly #database: StateDatabase
  readonly #secrets: SecretShelf
  readonly #records = new Map<string, FenceRecord | undefined>()

  constructor(database: StateDatabase, secrets: SecretShelf) {
    this.#database = database
    this.fences = new Fences(database.connection)
    this.marks = new Marks(database.connection)
    this.#documents = new AppliedDocuments(database.connection)
    this.#secrets = secrets
  }

  current(): Document {
    return documentFromText(this.#documents.current()?.document)
  }

  replace(
    document: Document,
    secrets: ReadonlyMap<string, string>,
    fences: ReadonlyMap<string, FenceRecord>,
  ): void {
    const at = Date.now()
    this.#database.connection.transaction(() => {
      for (const [name, value] of secrets) this.#secrets.put(name, new Secret(value), at)
      for (const [store, record] of fences) {
        this.fences.put("store", store, { record: JSON.stringify(record), takenAt: at, takenBy: "apply" })
      }
      this.#documents.replace(textOfDocument(document), at)
    })()
    for (const store of fences.keys()) this.#records.delete(`store/${store}`)
  }

  fence(kind: "store" | "place", name: string): FenceRecord | undefined {
    const key = `${kind}/${name}`
    if (!this.#records.has(key)) {
      const stored = this.fences.get(kind, name)
      this.#records.set(key, stored === undefined ? undefined : (JSON.parse(stored.record) as FenceRecord))
    }
    return this.#records.get(key)
  }

  /** The filesystem under a repository's path, as its first listing found it. */
  readonly keepFence = (place: string, record: FenceRecord): void => {
    this.fences.put("place", place, {
      record: JSON.stringify(record),
      takenAt: Date.now(),
      takenBy: "first listing",
    })
    this.#records.set(`place/${place}`, record)
  }

  /** A filesystem that is mounted in an exported directory of a store. */
  readonly keepMount = (store: string, record: FenceRecord): void => {
    this.fences.put("mount", mountName(store, record.mountPoint), {
      record: JSON.stringify(record),
      takenAt: Date.now(),
      takenBy: "export",
    })
  }

  /** A person says that a store as it is now is the right one. What is below it is remembered anew. */
  acceptStore(store: string, record: FenceRecord, places: readonly string[], by: string): void {
    this.#database.connection.transaction(() => {
      this.fences.put("store", store, { record: JSON.stringify(record), takenAt: Date.now(), takenBy: by })
      for (const place of places) this.fences.remove("place", place)
      for (const mount of this.fences.names("mount"))
        if (mount.startsWith(mountName(store, "/"))) this.fences.remove("mount", mount)
    })()
    this.#records.clear()
  }
}
