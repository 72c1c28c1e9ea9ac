import { StorageError } from "../errors.js"

/** What Kopia calls the source of a snapshot. */
export interface KopiaIdentity {
  readonly user: string
  readonly host: string
  readonly path: string
}

/** `user@host:path`, Kopia's own way to write it. */
export function formatIdentity({ user, host, path }: KopiaIdentity): string {
  return `${user}@${host}:${path}`
}

/**
 * Parses `user@host:path` with a path from the root. User and host may hold anything but their separators, as Kopia's own
 * parser has it: the host ends at the first colon after the first "@". Throws StorageError `invalid`.
 */
export function parseIdentity(text: string): KopiaIdentity {
  const match = /^([^@]+)@([^:]+):(\/.*)$/s.exec(text)
  const [, user, host, path] = match ?? []
  if (user === undefined || host === undefined || path === undefined) {
    throw new StorageError("invalid", `not an identity: ${JSON.stringify(text.slice(0, 120))}`, {
      hint: 'Write it as user@host:/path, for example "data-backup@home:/data".',
    })
  }
  return { user, host, path }
}

export function sameIdentity(a: KopiaIdentity, b: KopiaIdentity): boolean {
  return a.user === b.user && a.host === b.host && a.path === b.path
}
