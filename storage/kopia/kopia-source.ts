import { createHash } from "node:crypto"
import type { Snapshot, SnapshotSource, SourceSnapshots } from "../repository.js"
import type { ManifestShelf } from "./manifest-shelf.js"

/** The snapshots of one source as of one listing. */
export class KopiaSource implements SourceSnapshots {
  readonly source: SnapshotSource
  /** Their numbers on the shelf, by start. */
  readonly manifests: readonly number[]
  readonly #shelf: ManifestShelf
  #signature: string | undefined

  constructor(source: SnapshotSource, manifests: readonly number[], shelf: ManifestShelf) {
    this.source = source
    this.manifests = manifests
    this.#shelf = shelf
  }

  get signature(): string {
    if (this.#signature === undefined) {
      const hash = createHash("sha256")
      for (const manifest of this.manifests) this.#shelf.sign(manifest, hash)
      this.#signature = hash.digest("base64")
    }
    return this.#signature
  }

  snapshots(): readonly Snapshot[] {
    return this.manifests.map((manifest) => this.#shelf.snapshotAt(manifest))
  }
}
