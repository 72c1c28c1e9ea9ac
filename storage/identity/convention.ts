import { StorageError } from "../errors.js"
import type { KopiaIdentity } from "./kopia-identity.js"
import { DATA_PATH, moverHostName, moverUserName, USER_NAME_LENGTH } from "./mover.js"
import { names, parseTemplate, render, type Template } from "./template.js"
import type { VolumeName } from "./volume-name.js"

/**
 * How a document writes a convention. Text: backups are written and read under the same name. The object: `read` where the
 * restoring object is named otherwise (`{app}-nfs` written, `{app}-nfs-dst` read), `verbatim` where the names are given as
 * `username` and `hostname`, or by a writer that does not sanitise them, as kopiur.
 */
export type ConventionSpec =
  | string
  | { readonly written: string; readonly read?: string | undefined; readonly verbatim?: boolean | undefined }

export interface IdentityTemplate {
  readonly text: string
  readonly user: Template
  readonly host: Template
  readonly path: Template
}

/** A rule from namespace and pvc to the identities that a mover writes and reads. */
export interface Convention {
  readonly written: IdentityTemplate
  readonly read: IdentityTemplate
  readonly verbatim: boolean
}

export interface AppliedIdentity {
  readonly identity: KopiaIdentity
  /** The mover dropped or trimmed characters: another volume's name may come out the same. */
  readonly altered: boolean
  /** The name fills the mover's 50 characters. It was cut, or a longer one that begins alike is: both come out the same. */
  readonly cut: boolean
}

/** Throws StorageError `invalid` for what cannot tell volumes apart or is no identity. */
export function parseConvention(spec: ConventionSpec): Convention {
  if (typeof spec === "string") {
    const template = parseIdentityTemplate(spec)
    return { written: template, read: template, verbatim: false }
  }
  const written = parseIdentityTemplate(spec.written)
  const read = spec.read === undefined ? written : parseIdentityTemplate(spec.read)
  return { written, read, verbatim: spec.verbatim ?? false }
}

function parseIdentityTemplate(text: string): IdentityTemplate {
  const match = /^([^@:]+)@([^@:]+)(?::(\/[^:]*))?$/.exec(text)
  const [, user, host, path] = match ?? []
  if (user === undefined || host === undefined) {
    throw new StorageError("invalid", `not a convention: ${JSON.stringify(text)}`, {
      hint: 'Write it as user@host:/path, for example "{pvc}-backup@{namespace}:/data".',
    })
  }
  const template = {
    text,
    user: parseTemplate(user),
    host: parseTemplate(host),
    path: parseTemplate(path ?? DATA_PATH),
  }
  const all = [...template.user, ...template.host, ...template.path]
  for (const needed of ["pvc", "namespace"] as const) {
    if (names(all, needed)) continue
    throw new StorageError("invalid", `the convention ${JSON.stringify(text)} has no {${needed}}`, {
      hint: "Without both {pvc} and {namespace} it gives several volumes one name; map single volumes under `volumes:` instead.",
    })
  }
  return template
}

/** The identity that the template gives a volume, after what the mover does to names. */
export function applyTemplate(
  template: IdentityTemplate,
  volume: VolumeName,
  cluster: string,
  verbatim: boolean,
): AppliedIdentity {
  const values = { ...volume, cluster }
  const objectName = render(template.user, values)
  const host = render(template.host, values)
  const path = render(template.path, values)
  if (verbatim) return { identity: { user: objectName, host, path }, altered: false, cut: false }
  const user = moverUserName(objectName)
  const derivedHost = moverHostName(host, objectName)
  return {
    identity: { user: user.text, host: derivedHost.text, path },
    altered: user.altered || derivedHost.altered,
    cut: user.text.length === USER_NAME_LENGTH,
  }
}

export function sameTemplate(a: IdentityTemplate, b: IdentityTemplate): boolean {
  return a === b || a.text === b.text
}
