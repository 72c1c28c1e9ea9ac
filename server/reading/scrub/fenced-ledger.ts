import type { BlobRecord, ScrubLedger } from "../../../storage/scrub/index.js"
import type { PlaceLedger } from "../../db/index.js"
import type { FencedPlace } from "../fenced-place.js"

/** Remembers only what was read of the filesystem that the run began with. */
export class FencedLedger implements ScrubLedger {
  readonly #ledger: PlaceLedger
  readonly #place: Pick<FencedPlace, "assertSame">

  constructor(ledger: PlaceLedger, place: Pick<FencedPlace, "assertSame">) {
    this.#ledger = ledger
    this.#place = place
  }

  known(path: string): BlobRecord | undefined {
    return this.#ledger.known(path)
  }

  paths(): Iterable<string> {
    return this.#ledger.paths()
  }

  checked(batch: ReadonlyMap<string, BlobRecord>): void {
    this.#place.assertSame()
    this.#ledger.checked(batch)
  }

  listed(paths: ReadonlySet<string>): number {
    this.#place.assertSame()
    return this.#ledger.listed(paths)
  }

  get openPass(): number | undefined {
    return this.#ledger.openPass
  }

  beginPass(at: number): void {
    this.#ledger.beginPass(at)
  }

  endPass(): void {
    this.#ledger.endPass()
  }
}
