import { z } from "zod"

const time = z.string()
const count = z.int().min(0)
const problem = z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() })

/** What a client holds of one filesystem: open files, locks, the right to keep a file in its cache. */
const heldJson = z.strictObject({
  /** Directories that the files may lie in; one: they do. The kernel tells the filesystem, not the export. */
  exports: z.array(z.string()),
  open: count,
  openToWrite: count,
  locks: count,
  delegations: count,
  /** Some of the files, at most the last two components of each path. The client chose the names. */
  names: z.array(z.string()),
})

/** One address. */
export const nfsClientJson = z.strictObject({
  address: z.string(),
  /**
   * Who knows of it. `kernel`: the kernel's server, of version 4. `rmtab`: its record of mounts by version 3. `connections`: TCP. Else the
   * server's own interface.
   */
  sources: z.array(z.enum(["kernel", "rmtab", "connections", "ganesha", "truenas", "synology"])),
  /** Whose networks hold the address. */
  cluster: z.string().nullable(),
  /** `stranger`: in no declared cluster's networks. `machine`: this one itself. */
  kind: z.enum(["cluster", "stranger", "machine"]),
  /** "3", "4.0" to "4.2"; empty: not known, of a connection alone. */
  versions: z.array(z.string()),
  /** What its kernels or programs that speak version 4 call themselves. */
  names: z.array(z.string()),
  implementations: z.array(z.string()),
  /**
   * Of version 4: `confirmed`, `unconfirmed`; `courtesy`: it fell silent and its files are kept open for it; `expirable`: about to be
   * forgotten; the best of several. `connected`: by version 3, or not known by which. `remembered`: it mounted once, by version 3, or
   * once asked an NFS-Ganesha, and is not connected. `unknown`: nobody tells a state.
   */
  state: z.enum(["confirmed", "unconfirmed", "courtesy", "expirable", "connected", "remembered", "unknown"]),
  /**
   * When it last renewed its lease: a client of version 4 does so all the time, also when it does nothing. By NFS-Ganesha, when it
   * last asked for anything.
   */
  renewedAt: time.nullable(),
  /** TCP connections, null: not known. One serves several mounts, and outlives a cut cable by minutes. */
  connections: count.nullable(),
  /** Exports that it certainly holds files of, or uses by a NAS system's account. Null: unknown, because a mount without an open file shows nowhere. */
  mounts: z.array(z.string()).nullable(),
  /** By version 3, at some time: it may have unmounted them long ago. */
  onceMounted: z.array(z.string()),
  held: z.array(heldJson),
  /** Null: the server counts it together with others (see `traffic`). */
  readBytes: count.nullable(),
  writtenBytes: count.nullable(),
})
export type NfsClientJson = z.infer<typeof nfsClientJson>

/** What went through one export for all clients that the same entries of it name. */
export const nfsTrafficJson = z.strictObject({
  directory: z.string(),
  /** Entries of exports(5); none: all clients together. */
  clients: z.array(z.string()),
  since: time,
  readBytes: count,
  writtenBytes: count,
  /** Handles of files that are gone, which clients still used; null: not counted. */
  staleHandles: count.nullable(),
})
export type NfsTrafficJson = z.infer<typeof nfsTrafficJson>

const callsJson = z.strictObject({ calls: count, reads: count, writes: count })

/** GET /api/v1/nfs/clients: who is connected to the machine's NFS server now. No client is asked. */
export const nfsClientsJson = z.strictObject({
  readAt: time,
  /** Who told of clients besides the machine itself, and when; null: nobody. */
  told: z.strictObject({ source: z.enum(["ganesha", "truenas", "synology"]), readAt: time }).nullable(),
  /** The kernel's server; null: it cannot be seen here. */
  server: z
    .strictObject({
      running: z.boolean(),
      threads: count,
      /** Those that are served; null: not known. */
      versions: z.array(z.string()).nullable(),
      /** Since it was loaded. */
      readBytes: count.nullable(),
      writtenBytes: count.nullable(),
      version3: callsJson.nullable(),
      version4: callsJson.nullable(),
    })
    .nullable(),
  clients: z.array(nfsClientJson),
  /** Null: not known. */
  traffic: z.array(nfsTrafficJson).nullable(),
  /** What somebody should look at. */
  notices: z.array(problem),
  /** Why something is not known. */
  problems: z.array(problem),
})
export type NfsClientsJson = z.infer<typeof nfsClientsJson>

export const nfsClientsPath = "/api/v1/nfs/clients"
