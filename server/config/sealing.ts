import type { DeclaredDocument, SecretReference, TokenEntry } from "./document.js"

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
  const take = <T extends TokenEntry>(reference: T, name: string): T | { readonly sealed: string } => {
    if (!("value" in reference)) return reference
    values.set(name, reference.value)
    return { sealed: name }
  }
  const takeOptional = (reference: SecretReference | undefined, name: string): SecretReference | undefined =>
    reference && take(reference, name)
  return {
    values,
    document: {
      ...document,
      clusters: document.clusters.map((cluster) => ({
        ...cluster,
        tokens: cluster.tokens.map((token, at) => take(token, `clusters/${cluster.name}/tokens/${at + 1}`)),
      })),
      repositories: document.repositories.map((repository) => ({
        ...repository,
        password: takeOptional(repository.password, `repositories/${repository.name}/password`),
        place:
          repository.place.kind === "store"
            ? repository.place
            : {
                ...repository.place,
                credentials: takeOptional(
                  repository.place.credentials,
                  `repositories/${repository.name}/credentials`,
                ),
              },
      })),
    },
  }
}

/** Names of all sealed secrets that a document refers to. */
export function sealedNames(document: DeclaredDocument): ReadonlySet<string> {
  const references = [
    ...document.clusters.flatMap((cluster) => cluster.tokens),
    ...document.repositories.flatMap(({ password, place }) => [
      password,
      place.kind === "s3" ? place.credentials : undefined,
    ]),
  ]
  return new Set(
    references.flatMap((reference) => (reference && "sealed" in reference ? [reference.sealed] : [])),
  )
}
