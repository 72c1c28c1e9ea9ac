import { createHash } from "node:crypto"
import type { DeclaredDocument, NfsServerEntry, SecretReference, TokenEntry } from "./document.js"

/** Secret values taken out of a document, by the name they are to be sealed under. */
export type SecretValues = ReadonlyMap<string, string>

/**
 * Puts a reference in the place of every secret value. Names are made of the entry's name, so that applying the same
 * document again replaces the same secret.
 */
export function takeSecretValues(document: DeclaredDocument): {
  readonly document: DeclaredDocument
  readonly values: SecretValues
} {
  const values = new Map<string, string>()
  const take = (reference: SecretReference, name: string): SecretReference => {
    if (!("value" in reference)) return reference
    values.set(name, reference.value)
    return { sealed: name }
  }
  const taken = (reference: SecretReference | undefined, name: string): SecretReference | undefined =>
    reference && take(reference, name)
  return {
    values,
    document: {
      ...document,
      nfsServer: sealedServer(document.nfsServer, take),
      clusters: document.clusters.map((cluster) => ({
        ...cluster,
        tokens: cluster.tokens.map(hashed),
      })),
      repositories: document.repositories.map((repository) => ({
        ...repository,
        password: taken(repository.password, `repositories/${repository.name}/password`),
        place:
          repository.place.kind === "store"
            ? repository.place
            : {
                ...repository.place,
                credentials: taken(
                  repository.place.credentials,
                  `repositories/${repository.name}/credentials`,
                ),
              },
      })),
    },
  }
}

function sealedServer(
  server: NfsServerEntry | undefined,
  take: (reference: SecretReference, name: string) => SecretReference,
): NfsServerEntry | undefined {
  if (server?.kind !== "truenas" && server?.kind !== "synology") return server
  return { ...server, secret: take(server.secret, "nfsServer/secret") }
}

/** Of a token only the hash is ever needed. */
function hashed(token: TokenEntry): TokenEntry {
  if (!("value" in token)) return token
  return { sha256: createHash("sha256").update(token.value).digest("hex") }
}

/** Names of all sealed secrets that a document refers to. */
export function sealedNames(document: DeclaredDocument): ReadonlySet<string> {
  const references = [
    ...document.clusters.flatMap((cluster) => cluster.tokens),
    ...(document.nfsServer !== undefined && "secret" in document.nfsServer
      ? [document.nfsServer.secret]
      : []),
    ...document.repositories.flatMap(({ password, place }) => [
      password,
      place.kind === "s3" ? place.credentials : undefined,
    ]),
  ]
  return new Set(
    references.flatMap((reference) => (reference && "sealed" in reference ? [reference.sealed] : [])),
  )
}
