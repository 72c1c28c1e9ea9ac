import { canonicalClient, type NfsClient, type NfsExport } from "./export.js"
import { renderExportLines } from "./exports-file.js"
import { checkForGanesha, renderGaneshaExport } from "./ganesha/config.js"
import { type ExportRefusal, refusalsBy } from "./refusal.js"
import type { NfsServerKind } from "./server.js"
import { administratorSteps } from "./synology/index.js"
import { isNetgroup } from "./netgroup.js"
import { StorageError } from "../errors.js"

export interface StepsByHand {
  /** Lines of text. */
  readonly steps: readonly string[]
  /** What the system cannot export so, also by hand. */
  readonly refused: readonly ExportRefusal[]
}

/** What an administrator does on such a system to have these exports, where Cistern may not. Pure. */
export function stepsByHand(kind: NfsServerKind, exports: readonly NfsExport[]): StepsByHand {
  const steps = STEPS[kind]
  const refused = refusalsBy((one) => {
    steps([one])
  }, exports)
  const paths = new Set(refused.map(({ path }) => path))
  const possible = exports.filter(({ path }) => !paths.has(path))
  return { steps: possible.length === 0 ? [] : steps(possible), refused }
}

const STEPS: Readonly<Record<NfsServerKind, (exports: readonly NfsExport[]) => string[]>> = {
  kernel: kernelSteps,
  ganesha: ganeshaSteps,
  truenas: trueNasSteps,
  synology: administratorSteps,
}

function kernelSteps(exports: readonly NfsExport[]): string[] {
  return [
    "As root, write exactly these lines to /etc/exports.d/by-hand.exports, and no other file may export these directories:",
    "",
    ...renderExportLines(exports).trimEnd().split("\n"),
    "",
    "Then: exportfs -ra",
    "It also ends well where it left something out: what it has is read below.",
  ]
}

/** Numbers that neither people nor Cistern's own exports usually have. */
const FIRST_NUMBER = 40_001

function ganeshaSteps(exports: readonly NfsExport[]): string[] {
  checkForGanesha(exports)
  return [
    "Write these blocks to /etc/ganesha/ganesha.conf (other Export_Ids, where those are taken), and restart NFS-Ganesha.",
    "Only while every filesystem is mounted: started before that, it serves the bare directory.",
    "",
    ...exports.flatMap((one, at) =>
      renderGaneshaExport(one, FIRST_NUMBER + at)
        .trimEnd()
        .split("\n"),
    ),
  ]
}

function trueNasSteps(exports: readonly NfsExport[]): string[] {
  return [
    "Shares > UNIX (NFS) Shares > Add, once for each of these. The path must be the root of a dataset without others in it.",
    ...exports.flatMap((one) => sharesOf(one)),
    "",
    "System > Services > NFS: running, and starting automatically; Allow Non-root Mount off.",
  ]
}

/** A share says one thing to all its clients. */
function sharesOf({ path, clients }: NfsExport): string[] {
  const groups = new Map<string, NfsClient[]>()
  for (const client of clients) {
    if (isNetgroup(client.network)) throw noNetgroups(path, client.network)
    const key = JSON.stringify([client.access, client.squash])
    groups.set(key, [...(groups.get(key) ?? []), client])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    const squash = first?.squash
    return [
      "",
      `  Path: ${path}`,
      `    Networks: ${group.map(({ network }) => canonicalClient(network)).join(", ")}`,
      "    Hosts: none",
      `    Read-Only: ${first?.access === "readWrite" ? "off" : "on"}`,
      `    Mapall User: ${squash === undefined ? "none" : `the one with the number ${squash.uid}`}`,
      `    Mapall Group: ${squash === undefined ? "none" : `the one with the number ${squash.gid}`}`,
      "    Maproot User, Maproot Group: none",
      "    Security: SYS",
      "    Enabled: on",
    ]
  })
}

function noNetgroups(path: string, netgroup: string): StorageError {
  return new StorageError("unsupported", `${path} is not exported by TrueNAS to netgroups (${netgroup})`, {
    facts: { path },
    hint: "Name hosts or networks instead.",
  })
}
