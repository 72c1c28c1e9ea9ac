import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { expectedOf, fixture, scratch } from "../support/fixtures.js"

// Stores of real repositories, and documents that declare them.

export type RepositoryOf = Readonly<Record<string, unknown>> & { readonly name: string }

/** One cluster, asked from loopback, with one store; a repository's store, cluster and role may be left out. */
export function documentOf(
  store: string,
  repositories: readonly RepositoryOf[],
  more: { store?: object; cluster?: object } = {},
): object {
  return {
    stores: [{ name: "tank", path: store, allowRoot: true, ...more.store }],
    clusters: [{ name: "home", networks: ["127.0.0.0/8"], ...more.cluster }],
    repositories: repositories.map((repository) => ({
      cluster: "home",
      store: "tank",
      decides: "restore",
      ...repository,
    })),
  }
}

export const SHARED_PASSWORD = "cluster-shared-password"

/** The Kopia repository that a fleet of movers shares. Its names are the bare `{pvc}@{namespace}`. */
export const sharedKopia: RepositoryOf = {
  name: "shared",
  engine: "kopia",
  path: "kopia",
  password: { value: SHARED_PASSWORD },
  conventions: ["{pvc}@{namespace}:/data"],
}

/** One restic repository for each volume. */
export const perVolumeRestic = {
  name: "per-volume",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: "radarr-pw" },
}

/** A private copy of a fixture, or of a folder in it, at a path, with the times of its files. */
export function place(name: string, target: string, folder = ""): string {
  mkdirSync(dirname(target), { recursive: true })
  execFileSync("cp", ["-a", join(fixture(name), folder), target])
  return target
}

/** A new store directory with the fleet's Kopia repository in it. */
export function sharedStore(): { store: string; kopia: string } {
  const store = scratch()
  return { store, kopia: place("kopia/cluster-shared", join(store, "kopia")) }
}

/** A new store directory with the movers' restic repositories in it. */
export function moversStore(): { store: string; restic: string } {
  const store = scratch()
  return { store, restic: place("restic/movers", join(store, "restic")) }
}

/** The password of one of the movers' restic repositories. */
export function moverPassword(volume: string): string {
  const { passwords } = expectedOf("restic/movers")["facts"] as { passwords: Record<string, string> }
  const password = passwords[volume]
  if (password === undefined) throw new Error(`the fixture has no repository ${volume}`)
  return password
}

/** Hands a directory and all below it to another user. */
export function giveTo(uid: number, directory: string): void {
  execFileSync("chown", ["-R", `${uid}:${uid}`, directory])
}

/** The user of daemons that modes of files shall stop, as they do not stop root. */
export const NOBODY = 65_534
