import type { SystemPool } from "../../../storage/hardware/index.js"
import type { StoreJson } from "../../http/contract/admin.js"

/** Names of the stores that lie on a disk of this machine. */
export function storesOnDisk(name: string, stores: readonly StoreJson[]): string[] {
  return stores.filter(({ facts }) => facts?.disks?.includes(name) === true).map((store) => store.name)
}

/**
 * Names of the stores that lie on a pool of the NAS system: by their dataset where they are on ZFS, else by their place. A container has
 * every dataset at the path that it has on the system.
 */
export function storesOnPool(
  pool: Pick<SystemPool, "name" | "path">,
  stores: readonly StoreJson[],
): string[] {
  return stores
    .filter(({ path, facts }) =>
      facts?.type === "zfs"
        ? facts.source.split("/")[0] === pool.name
        : isIn(pool.path, path) && (facts === null || isIn(pool.path, facts.mountPoint)),
    )
    .map((store) => store.name)
}

function isIn(folder: string, path: string): boolean {
  return folder !== "/" && (path === folder || path.startsWith(`${folder}/`))
}
