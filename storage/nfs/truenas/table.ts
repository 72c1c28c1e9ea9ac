import type { Accounts, NfsShare } from "../../nas/truenas/index.js"
import { StorageError } from "../../errors.js"
import { asAgreed, canonicalClient, type NfsExport } from "../export.js"
import { contentOf, isOwn, type ShareContent } from "./marker.js"
import type { OwnShare } from "./steps.js"

/** TrueNAS' shares by whose they are. */
export interface ShareTable {
  /** Ours, and as we wrote them. */
  readonly sound: readonly OwnShare[]
  /** Ours, and not as we left them. */
  readonly touched: readonly NfsShare[]
  readonly foreign: readonly NfsShare[]
}

export function sortShares(owner: string, shares: readonly NfsShare[]): ShareTable {
  const own = shares.filter((share) => isOwn(owner, share))
  const contents = new Map(own.map((share) => [share, contentOf(owner, share)]))
  return {
    sound: own.flatMap((share) => {
      const content = contents.get(share)
      return content === undefined ? [] : [{ share, content, touched: false }]
    }),
    touched: own.filter((share) => contents.get(share) === undefined),
    foreign: shares.filter((share) => !isOwn(owner, share)),
  }
}

/** Throws StorageError `invalid` where a share of ours is not as we left it: what it exports may be meant. */
export function refuseTouched({ touched }: ShareTable): void {
  const [first] = touched
  if (first === undefined) return
  throw new StorageError("invalid", `share ${first.id} in TrueNAS, of ${first.path}, was changed by hand`, {
    facts: { share: first.id, path: first.path },
    hint: "Look at it. Declare what it exports and is meant, then use `cistern exports apply --replace`.",
  })
}

/** A share that is not as we left it, as something to go on from. What cannot be declared of it is not kept. */
export function replaced(share: NfsShare, { users, groups }: Accounts): OwnShare {
  const { path, ro, mapall_user: user, mapall_group: group } = share
  const uid = users.find(({ name }) => name === user)?.id
  const gid = groups.find(({ name }) => name === group)?.id
  const squash =
    user === null || group === null || uid === undefined || gid === undefined
      ? undefined
      : { uid, gid, user, group }
  // Somebody who is squashed to a name that nobody has reaches nothing now, and must not reach it as himself.
  const isServed = share.enabled && (user === null || squash !== undefined)
  const networks = isServed ? share.networks.flatMap(canonical).sort() : []
  const content: ShareContent = { path, networks, access: ro ? "readOnly" : "readWrite", squash }
  return { share, content, touched: true }
}

/** What shares export, one for each path, sorted. Each path is the root of a dataset. */
export function exportsOf(contents: readonly ShareContent[]): NfsExport[] {
  const paths = [...new Set(contents.map(({ path }) => path))].sort()
  return paths.map((path) =>
    asAgreed({
      path,
      mountPoint: path,
      crossMounts: false,
      fsid: undefined,
      clients: contents
        .filter((content) => content.path === path)
        .flatMap(({ networks, access, squash }) =>
          networks.map((network) => ({
            network,
            access,
            squash: squash === undefined ? undefined : { uid: squash.uid, gid: squash.gid },
          })),
        )
        .sort((one, other) => (one.network < other.network ? -1 : 1)),
    }),
  )
}

function canonical(network: string): string[] {
  try {
    return [canonicalClient(network)]
  } catch (error) {
    if (error instanceof StorageError) return []
    throw error
  }
}
