import { z } from "zod"
import { adviceJson, storeFactsJson } from "./store-facts.js"

// What the command line and the daemon say to each other over the admin socket: a Unix socket in the state directory
// that only its owner may open. HTTP and JSON, the same resources that the pages will use. Times are RFC 3339, sizes
// bytes; `null` is "not known" or "not there".

const time = z.string()
const count = z.int().min(0)
const problem = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
})

/** Every answer that is not 2xx. 400 wrong use, 404 not found, 409 refused by a guard, 422 bad data, 503 cannot tell. */
export const errorJson = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  /** For `invalid_document`: one for each fault. */
  problems: z
    .array(
      z.strictObject({
        path: z.array(z.union([z.string(), z.int()])),
        line: z.int().nullable(),
        column: z.int().nullable(),
        message: z.string(),
      }),
    )
    .exactOptional(),
})
export type ErrorJson = z.infer<typeof errorJson>

/** GET /api/v1/repositories. A repository that is a tree of restic repositories is one row here. */
export const repositoryJson = z.strictObject({
  name: z.string(),
  cluster: z.string(),
  engine: z.enum(["kopia", "restic"]),
  store: z.string().nullable(),
  path: z.string(),
  decides: z.enum(["restore", "guard", "no"]),
  /** `ok`: listed and certain. `unknown`: not listed yet, or the listing is too old. */
  state: z.enum(["ok", "unknown", "fenced", "failed"]),
  /** Why it is not ok. */
  problem: problem.nullable(),
  /** How many directories belong to it, and how many of them are listed: "n of m". */
  places: z.strictObject({ total: count, listed: count, failed: count }),
  /** The engine's own id; null for a tree of several. */
  id: z.string().nullable(),
  formatVersion: z.int().nullable(),
  snapshots: count.nullable(),
  incomplete: count.nullable(),
  volumes: count.nullable(),
  /** Begin of the listing that all this rests on (the oldest one of a tree). */
  listedAt: time.nullable(),
  /** The newest complete snapshot. */
  newest: time.nullable(),
})
export type RepositoryJson = z.infer<typeof repositoryJson>
export const repositoriesJson = z.strictObject({ repositories: z.array(repositoryJson) })
export type RepositoriesJson = z.infer<typeof repositoriesJson>

/** GET /api/v1/volumes?cluster=&namespace= : as seen in repositories, mapped by an administrator or asked for. */
export const volumeJson = z.strictObject({
  cluster: z.string(),
  namespace: z.string(),
  pvc: z.string(),
  decision: z.enum(["restore", "fresh", "unknown"]),
  reason: z.string(),
  repository: z.string().nullable(),
  identity: z.string().nullable(),
  snapshots: count.nullable(),
  newest: time.nullable(),
  oldest: time.nullable(),
  bytes: count.nullable(),
  files: count.nullable(),
  /** When any of its snapshots was proven last to be whole (verify or a drill), and restored (a drill). */
  verified: time.nullable(),
  drilled: time.nullable(),
})
export type VolumeJson = z.infer<typeof volumeJson>
export const volumesJson = z.strictObject({
  volumes: z.array(volumeJson),
  /** Repositories whose volumes may be missing from the list: nothing is whole that was not measured. */
  uncertain: z.array(z.string()),
})
export type VolumesJson = z.infer<typeof volumesJson>

/** `listed`: it is there. `reachable`: and all that it needs. `read`: and that was read. `restored`: a drill brought it back. */
const proofLevel = z.enum(["listed", "reachable", "read", "restored"])

/** One snapshot, as `cistern snapshots` prints it (design §4). */
export const snapshotJson = z.strictObject({
  id: z.string(),
  identity: z.string(),
  namespace: z.string().nullable(),
  pvc: z.string().nullable(),
  start: time,
  end: time.nullable(),
  complete: z.boolean(),
  incompleteReason: z.string().nullable(),
  bytes: count.nullable(),
  files: count.nullable(),
  tags: z.array(z.string()),
  pins: z.array(z.string()),
  description: z.string(),
  /** Of a declared repository: the deepest proof of it, and when that was; null while it is known to be damaged. */
  verified: z.strictObject({ level: proofLevel, at: time }).nullable().exactOptional(),
  /** Of a declared repository: what is known to be wrong with it. */
  damage: z
    .strictObject({
      level: proofLevel,
      at: time,
      reasons: z.array(z.string()),
      /** How many files and folders, and some of them. */
      paths: count,
      sample: z.array(z.string()),
    })
    .nullable()
    .exactOptional(),
})
export type SnapshotJson = z.infer<typeof snapshotJson>

/** GET /api/v1/snapshots?repository=&namespace=&pvc= : `repository` may be left out when there is only one. */
export const snapshotsJson = z.strictObject({
  repository: z.strictObject({
    engine: z.enum(["kopia", "restic"]),
    /** Kopia's uniqueID in hex, restic's config id; "" for restic without its password and for a tree of several. */
    id: z.string(),
    formatVersion: z.int().nullable(),
  }),
  snapshots: z.array(snapshotJson),
})
export type SnapshotsJson = z.infer<typeof snapshotsJson>

/** GET /api/v1/stores. `ok`: it is what it was when it was set up. `unknown`: not looked at yet, or it does not answer. */
export const storeJson = z.strictObject({
  name: z.string(),
  path: z.string(),
  state: z.enum(["ok", "fenced", "unknown"]),
  /** Why it is fenced off, or that it hangs. */
  problem: problem.nullable(),
  /** Since when it hangs. */
  since: time.nullable(),
  filesystem: z.string().nullable(),
  totalBytes: count.nullable(),
  freeBytes: count.nullable(),
  /** Null: it does not answer, or it is not the filesystem that was accepted. */
  facts: storeFactsJson.nullable(),
  /** The worst first. */
  advice: z.array(adviceJson),
  repositories: z.array(z.string()),
})
export type StoreJson = z.infer<typeof storeJson>
export const storesJson = z.strictObject({ stores: z.array(storeJson) })
export type StoresJson = z.infer<typeof storesJson>

/** GET /api/v1/exports: what is declared, beside what the machine's NFS server exports now. */
export const exportJson = z.strictObject({
  store: z.string(),
  /** Relative to the store. */
  path: z.string(),
  cluster: z.string(),
  /** What clients mount: with links followed where the store can be asked. */
  directory: z.string(),
  networks: z.array(z.string()),
  /** Hosts named besides, each with its addresses as far as they are known. */
  hosts: z.array(
    z.strictObject({
      name: z.string(),
      /** CIDR. */
      addresses: z.array(z.string()),
      /** Why there are none, or why they are those of before. */
      problem: z.string().nullable(),
    }),
  ),
  /** Who is in them, the NFS server's machine decides. */
  netgroups: z.array(z.string()),
  access: z.enum(["readOnly", "readWrite"]),
  squash: z.strictObject({ uid: z.int(), gid: z.int() }).nullable(),
  /** Whether everybody may write by it, as far as nobody refuses that. */
  everybody: z.boolean(),
  /**
   * `exported`: exactly so. `different`: otherwise, or to somebody else too. `missing`: not at all. `withheld`: its store is fenced,
   * so nobody should mount it. `refused`: it must never be exported. `unknown`: the store or the server cannot be asked.
   */
  state: z.enum(["exported", "different", "missing", "withheld", "refused", "unknown"]),
  /** Why it is not `exported`. */
  problem: problem.nullable(),
})
export type ExportJson = z.infer<typeof exportJson>
export const exportsJson = z.strictObject({
  /** What exports; null where there is nothing, or nothing that can be read. */
  server: z
    .strictObject({ kind: z.enum(["kernel", "ganesha", "truenas", "synology"]), running: z.boolean() })
    .nullable(),
  /** Why the exports as a whole are not kept as declared. */
  problem: problem.nullable(),
  exports: z.array(exportJson),
  /** What of it may be exported now, as a file for /etc/exports.d. */
  file: z.string(),
})
export type ExportsJson = z.infer<typeof exportsJson>

/** POST /api/v1/exports/apply: the NFS server exports what is declared, and nothing else of ours. */
export const applyExportsRequest = z.strictObject({
  dryRun: z.boolean().default(false),
  /** Also where our file is not as we left it. */
  replace: z.boolean().default(false),
  /** That everybody may write by some of them is meant. Without: 409 `everybody_writes`, and nothing is applied. */
  iKnow: z.boolean().exactOptional(),
  /** `basis` of the dry run that was agreed to. Something changed since: 409 `stale_plan`. */
  basis: z.string().exactOptional(),
})
export type ApplyExportsRequest = z.input<typeof applyExportsRequest>
export const exportsAppliedJson = z.strictObject({
  applied: z.boolean(),
  /** Lines of exports(5). */
  added: z.array(z.string()),
  removed: z.array(z.string()),
  /** Nothing changes in the file, but the server does not export what is in it. */
  notLoaded: z.boolean(),
  /** Declared and not to be exported now, one sentence each. */
  withheld: z.array(z.string()),
  /** Exports by which everybody may write, and nobody agreed to it before, one sentence each. */
  everybody: z.array(z.string()),
  basis: z.string(),
})
export type ExportsAppliedJson = z.infer<typeof exportsAppliedJson>

/** GET /api/v1/exports/steps?system= : what an administrator does by hand to have what is declared. */
export const nfsSystem = z.enum(["kernel", "ganesha", "truenas", "synology"])
export const exportStepsJson = z.strictObject({
  system: nfsSystem,
  /** Lines of text. */
  steps: z.array(z.string()),
  /** Declared, and not to be exported, one sentence each. */
  left: z.array(z.string()),
  /** Read back: what is not so yet, one sentence each. Null: it cannot be read. */
  differences: z.array(z.string()).nullable(),
  unreadable: z.string().nullable(),
  /** Clients of declared clusters that are connected to this machine's NFS server. */
  connected: z.array(z.string()),
})
export type ExportStepsJson = z.infer<typeof exportStepsJson>

/** POST /api/v1/stores/{store}/accept, with an empty body: the store as it is now is the right one. */
export const storeAcceptedJson = z.strictObject({
  store: storeJson,
  /** What was remembered and is different now, one sentence each. Empty: it was accepted already. */
  changes: z.array(z.string()),
  /** What was found there, one sentence each: a copy of the ledger, adopted or not believed. */
  notices: z.array(z.string()),
})
export type StoreAcceptedJson = z.infer<typeof storeAcceptedJson>

/**
 * POST /api/v1/repositories/{repository}/accept: a person acknowledges one exact change. `id`: this repository id is now in
 * the place of the pinned one. `gone`: the newest known snapshots of this identity ("*": of all) are gone for good. `lostIndex`: the
 * metadata files that vanished are gone for good. `path`: which directory of a tree, relative to the store.
 */
export const acceptRepositoryRequest = z.strictObject({
  id: z.string().exactOptional(),
  gone: z.string().exactOptional(),
  lostIndex: z.boolean().exactOptional(),
  path: z.string().exactOptional(),
})
export type AcceptRepositoryRequest = z.infer<typeof acceptRepositoryRequest>
export const repositoryAcceptedJson = z.strictObject({
  /** What was acknowledged, one sentence each. Empty: there was nothing to acknowledge. */
  changes: z.array(z.string()),
})
export type RepositoryAcceptedJson = z.infer<typeof repositoryAcceptedJson>

/** POST /api/v1/apply */
export const applyRequest = z.strictObject({
  /** YAML or JSON text. */
  document: z.string(),
  dryRun: z.boolean().default(false),
  /** Detach what the document does not name. */
  remove: z.boolean().default(false),
  accept: z.array(z.string()).default([]),
  /** That everybody may write by some exports is meant. Each is agreed to exactly as it is now. */
  iKnow: z.boolean().exactOptional(),
  /** `basis` of the dry run whose diff was agreed to. Something else was applied since: 409 `stale_plan`. */
  basis: z.string().exactOptional(),
})
export type ApplyRequest = z.input<typeof applyRequest>

export const changeJson = z.strictObject({
  kind: z.enum(["added", "changed", "replaced", "unchanged", "absent", "removed"]),
  of: z.enum(["store", "cluster", "repository", "export", "server", "schedule", "hours", "scrub", "drills"]),
  name: z.string(),
  /** Of `changed` and `replaced`: what differs. Secrets show as where they are kept, never as themselves. */
  fields: z.array(
    z.strictObject({ field: z.string(), before: z.string().nullable(), after: z.string().nullable() }),
  ),
  notes: z.array(z.string()),
})
export type ChangeJson = z.infer<typeof changeJson>

/**
 * Something that somebody must say is meant: what in the diff loosens a decision, and exports by which everybody may write. The id is
 * made of it. `option` says it on the command line: `--accept ID` or `--i-know`.
 */
export const acknowledgementJson = z.strictObject({
  id: z.string(),
  why: z.string(),
  option: z.string(),
  accepted: z.boolean(),
})
export type AcknowledgementJson = z.infer<typeof acknowledgementJson>

/** 200 for a dry run and for what was applied; 409 with the same body when acknowledgements are missing. */
export const applyJson = z.strictObject({
  applied: z.boolean(),
  changes: z.array(changeJson),
  acknowledgements: z.array(acknowledgementJson),
  /** What was found in stores that are new here, one sentence each: a copy of the ledger, adopted or not believed. */
  notices: z.array(z.string()),
  basis: z.string(),
})
export type ApplyJson = z.infer<typeof applyJson>

/** POST /api/v1/stores: one more store, as a document that names only it would declare it. */
export const createStoreRequest = z.strictObject({
  name: z.string(),
  path: z.string(),
  allowRoot: z.boolean().default(false),
  /** Also make the directory. */
  make: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  basis: z.string().exactOptional(),
})
export type CreateStoreRequest = z.input<typeof createStoreRequest>
export const storeCreatedJson = applyJson.extend({
  /** Directories that were made, or in a dry run would be. */
  made: z.array(z.string()),
})
export type StoreCreatedJson = z.infer<typeof storeCreatedJson>

/** POST /api/v1/stores/{store}/withdraw: its exports, then the store, leave the document. Nothing in it is touched. */
export const withdrawStoreRequest = z.strictObject({
  /** Also detach the repositories in it; without, there must be none: 409 `store_in_use`. */
  withRepositories: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  accept: z.array(z.string()).default([]),
  basis: z.string().exactOptional(),
})
export type WithdrawStoreRequest = z.input<typeof withdrawStoreRequest>
export const storeWithdrawnJson = applyJson.extend({
  /** Who has it mounted, or may have, one sentence each. */
  clients: z.array(z.string()),
})
export type StoreWithdrawnJson = z.infer<typeof storeWithdrawnJson>

/** GET /api/v1/document: what is applied, with references in place of secret values. */
export const documentJson = z.strictObject({ document: z.record(z.string(), z.unknown()) })
export type DocumentJson = z.infer<typeof documentJson>

/** POST /api/v1/fresh-once: this volume may be `fresh` for 15 minutes. `cluster` may be left out when there is one. */
export const freshOnceRequest = z.strictObject({
  cluster: z.string().exactOptional(),
  namespace: z.string(),
  pvc: z.string(),
})
export type FreshOnceRequest = z.infer<typeof freshOnceRequest>
export const freshOnceJson = z.strictObject({
  cluster: z.string(),
  namespace: z.string(),
  pvc: z.string(),
  until: time,
})
export type FreshOnceJson = z.infer<typeof freshOnceJson>

/** GET /api/v1/doctor: what the daemon sees of its stores, repositories and clock. */
export const checkJson = z.strictObject({
  name: z.string(),
  status: z.enum(["ok", "warn", "fail"]),
  detail: z.string(),
  hint: z.string().nullable(),
})
export type CheckJson = z.infer<typeof checkJson>
export const doctorJson = z.strictObject({ checks: z.array(checkJson) })
export type DoctorJson = z.infer<typeof doctorJson>

/**
 * The paths, in one place for both sides. Besides them the socket answers GET /exists/{namespace}/{pvc}?evidence=1 and
 * /clusters/{cluster}/exists/… as every other client gets it (contract/exists.ts).
 */
export const adminPaths = {
  repositories: "/api/v1/repositories",
  volumes: "/api/v1/volumes",
  snapshots: "/api/v1/snapshots",
  stores: "/api/v1/stores",
  exports: "/api/v1/exports",
  applyExports: "/api/v1/exports/apply",
  exportSteps: "/api/v1/exports/steps",
  apply: "/api/v1/apply",
  document: "/api/v1/document",
  freshOnce: "/api/v1/fresh-once",
  doctor: "/api/v1/doctor",
} as const
