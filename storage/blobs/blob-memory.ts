/**
 * What is remembered of immutable repository files between two listings and over a restart. A file is known by its kind,
 * name and length; engines never write two contents under one name. Losing it all costs time, never an answer.
 */
export interface BlobMemory {
  recall(kind: string, name: string, length: number): Uint8Array | undefined
  remember(kind: string, name: string, length: number, value: Uint8Array): void
}

/** Forgets with the process: for reading commands without a daemon, and for tests. */
export class VolatileBlobMemory implements BlobMemory {
  readonly #values = new Map<string, Uint8Array>()

  recall(kind: string, name: string, length: number): Uint8Array | undefined {
    return this.#values.get(`${kind}/${name}/${length}`)
  }

  remember(kind: string, name: string, length: number, value: Uint8Array): void {
    this.#values.set(`${kind}/${name}/${length}`, value)
  }
}
