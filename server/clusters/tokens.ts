import { hash as digest, timingSafeEqual } from "node:crypto"

export interface ClusterTokens {
  readonly name: string
  /** SHA-256 of each token, in hex. Tokens themselves are not kept. */
  readonly tokens: readonly string[]
}

/** The credentials of an `Authorization: Bearer …` header (RFC 6750 §2.1), undefined for any other scheme. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1]
}

/** Finds whose token a bearer is, in a time that tells nothing about the tokens. */
export class TokenIndex {
  readonly #tokens: readonly { readonly cluster: string; readonly hash: Buffer }[]

  constructor(clusters: readonly ClusterTokens[]) {
    this.#tokens = clusters.flatMap(({ name, tokens }) =>
      tokens.map((token) => ({ cluster: name, hash: Buffer.from(token, "hex") })),
    )
  }

  get isEmpty(): boolean {
    return this.#tokens.length === 0
  }

  /** Names of the clusters that this bearer is a token of; empty when it is not ours. */
  clustersOf(bearer: string): readonly string[] {
    const presented = digest("sha256", bearer, "buffer")
    const matching = this.#tokens.filter(
      ({ hash }) => hash.length === presented.length && timingSafeEqual(hash, presented),
    )
    return [...new Set(matching.map(({ cluster }) => cluster))]
  }
}
