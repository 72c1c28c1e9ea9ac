import {
  type DirectoryLook,
  ENTER,
  may,
  type Owned,
  type OwnedGroup,
  READ,
  WRITE,
} from "../../../storage/disk/index.js"
import type { DirectoryFindingJson } from "../../http/contract/directories.js"
import type { Expectation, ExpectedOwner } from "./expected-owner.js"
import { judgeAcl } from "./judge-acl.js"
import { shellWord } from "./shell-word.js"

export interface JudgedDirectory {
  readonly look: DirectoryLook
  readonly expectation: Expectation
  readonly engine: "kopia" | "restic"
  readonly store: { readonly name: string; readonly path: string }
  /** Relative to the store. */
  readonly path: string
  /** The daemon's. */
  readonly user: number | undefined
}

/** Squashed root, on every system that has an NFS server. */
const NOBODY = 65_534
/** What KopiaMaintenance runs as unless it is told otherwise. */
const KOPIA_MAINTENANCE = 1_000
const MOST_STRANGERS = 3

/** Decides what a look at a repository's directory means for its movers, the worst first. */
export function judgeDirectory(judged: JudgedDirectory): DirectoryFindingJson[] {
  const { owner } = judged.expectation
  const findings = [
    ...(owner === undefined ? [] : againstOwner(judged, owner)),
    ...squashFindings(judged),
    ...(owner === undefined ? mixedFindings(judged) : []),
    ...openFindings(judged),
    ...daemonFindings(judged),
  ]
  return [
    ...findings.filter(({ severity }) => severity === "fail"),
    ...findings.filter(({ severity }) => severity === "warn"),
  ]
}

function againstOwner(judged: JudgedDirectory, owner: ExpectedOwner): DirectoryFindingJson[] {
  return [
    ...wayFindings(judged, owner),
    ...topFindings(judged, owner),
    ...judgeAcl(judged.look, owner),
    ...strangerFindings(judged, owner),
  ]
}

/** The directories between what clients mount and this one. Those above need not let anybody through (nas-platforms.md §1.3). */
function wayFindings(judged: JudgedDirectory, owner: ExpectedOwner): DirectoryFindingJson[] {
  const { look, store, expectation } = judged
  if (expectation.exported === undefined) return []
  const root = look.above[0]?.path ?? look.path
  const from = expectation.exported === "" ? root : `${root}/${expectation.exported}`
  return look.above
    .filter(({ path }) => path === from || path.startsWith(`${from}/`))
    .filter((one) => !may(owner, one, ENTER))
    .map((one) => ({
      code: "no_way",
      severity: "fail",
      message: `${told(owner)} may not enter ${one.path} (${shown(one)}), through which ${look.path} is reached`,
      hint:
        one.path === root
          ? `Let it in: chmod o+x ${shellWord(one.path)}`
          : `\`${command("repair", store.name, one.path.slice(root.length + 1))}\` gives it that directory, and nothing below.`,
    }))
}

function topFindings(judged: JudgedDirectory, owner: ExpectedOwner): DirectoryFindingJson[] {
  const { look, store, path } = judged
  const act = `\`${command("repair", store.name, path)}\` shows what it changes, and asks.`
  if (!may(owner, look, READ | WRITE | ENTER)) {
    const message = `${told(owner)}, ${whoIs(owner)}, may not work in ${look.path}: it is ${shown(look)}`
    return [{ code: "not_writable", severity: "fail", message, hint: act }]
  }
  if (look.uid !== owner.uid || look.gid !== owner.gid) {
    const message = `${look.path} is ${shown(look)} instead of ${told(owner)}, who may work there all the same`
    return [{ code: "owned_by_another", severity: "warn", message, hint: act }]
  }
  // Where a list is to be, the mode is judged with it.
  if (owner.acl === undefined && owner.mode !== undefined && look.mode !== owner.mode) {
    const message = `${look.path} has mode ${octal(look.mode)}, not ${octal(owner.mode)}`
    return [{ code: "wrong_mode", severity: "warn", message, hint: act }]
  }
  return []
}

/** What lies in it and is another user's: of each user, what its movers cannot read counts first. */
function strangerFindings(judged: JudgedDirectory, owner: ExpectedOwner): DirectoryFindingJson[] {
  const { look, store, path } = judged
  const strangers = new Map<string, OwnedGroup[]>()
  for (const group of look.below) {
    const shut = !may(owner, group, neededOf(group))
    if (group.uid === owner.uid && group.gid === owner.gid && !shut) continue
    const key = `${group.uid}:${group.gid}`
    strangers.set(key, [...(strangers.get(key) ?? []), group])
  }
  return [...strangers.values()].slice(0, MOST_STRANGERS).map((groups): DirectoryFindingJson => {
    const shut = groups.filter((group) => !may(owner, group, neededOf(group)))
    const [worst] = shut.length > 0 ? shut : groups
    const count = (shut.length > 0 ? shut : groups).reduce((sum, group) => sum + group.count, 0)
    const example = worst === undefined ? "" : `${worst.example} (${shown(worst)})`
    const repair = `\`${command("repair", store.name, path)} --recursive\` hands over what is there.`
    const hint = `${cause(judged, owner, worst)} ${repair}`
    return shut.length > 0
      ? {
          code: "written_by_another",
          severity: "fail",
          message: `uid ${worst?.uid ?? ""} wrote ${example}, which ${told(owner)} may not use; ${count} of ${look.looked} looked at are so`,
          hint,
        }
      : {
          code: "owned_by_another",
          severity: "warn",
          message: `uid ${worst?.uid ?? ""} wrote ${example}, not ${told(owner)}; ${count} of ${look.looked} looked at are so`,
          hint,
        }
  })
}

function neededOf({ kind }: OwnedGroup): number {
  return kind === "directory" ? READ | WRITE | ENTER : READ
}

/** What to change so that it does not come again. */
function cause(
  { expectation, engine }: JudgedDirectory,
  owner: ExpectedOwner,
  written: OwnedGroup | undefined,
): string {
  const { uid, gid } = owner
  const context = `moverSecurityContext { runAsUser: ${uid}, runAsGroup: ${gid}, fsGroup: ${gid} }`
  if (expectation.squashes.length > 0) {
    return `The export makes everybody ${told(owner)}, so it was written before that, or by a program on the NAS: let what runs here run as ${told(owner)}.`
  }
  const squash = `or give the export \`squash: { uid: ${uid}, gid: ${gid} }\``
  if (written?.uid === NOBODY) {
    return `A mover ran as root, which the server made nobody: give it ${context}, ${squash}.`
  }
  if (written?.uid === 0) {
    return `A mover ran as root on an export that lets root be root, or a program on the NAS did: give the mover ${context}, ${squash}.`
  }
  if (engine === "kopia" && written?.uid === KOPIA_MAINTENANCE) {
    return `1000 is also what KopiaMaintenance runs as unless its podSecurityContext says otherwise: give it and the movers ${told(owner)}, ${squash}.`
  }
  if (written?.uid === uid) return `A mover ran without its group: give it ${context}, ${squash}.`
  return `Give the mover ${context}, ${squash}.`
}

function squashFindings({ expectation, look }: JudgedDirectory): DirectoryFindingJson[] {
  const { owner, squashes } = expectation
  if (owner?.from === "document") {
    return squashes
      .filter(({ uid, gid }) => uid !== owner.uid || gid !== owner.gid)
      .map((squash) => ({
        code: "squash_differs",
        severity: "fail",
        message: `the export makes everybody ${told(squash)}, and ${look.path} is to belong to ${told(owner)}`,
        hint: `Give the export \`squash: { uid: ${owner.uid}, gid: ${owner.gid} }\`, or the repository that owner.`,
      }))
  }
  if (squashes.length < 2) return []
  return [
    {
      code: "squash_differs",
      severity: "fail",
      message: `the exports around ${look.path} make everybody different users: ${squashes.map(told).join(", ")}`,
      hint: "Give them the same `squash`.",
    },
  ]
}

function mixedFindings({ look }: JudgedDirectory): DirectoryFindingJson[] {
  const owners = new Map<string, { count: number; example: string }>()
  for (const group of [{ ...look, count: 1, example: look.path }, ...look.below]) {
    const known = owners.get(told(group))
    owners.set(told(group), {
      count: (known?.count ?? 0) + group.count,
      example: known?.example ?? group.example,
    })
  }
  if (owners.size < 2) return []
  const list = [...owners].map(
    ([who, { count, example }]) => `${count} belong to ${who} (such as ${example})`,
  )
  return [
    {
      code: "several_owners",
      severity: "warn",
      message: `in ${look.path}, ${list.join(", ")}`,
      hint: "A mover may not read what another user's wrote. Give the export a `squash`, or the repository an `owner`, and what is there can be repaired.",
    },
  ]
}

function openFindings({ look }: JudgedDirectory): DirectoryFindingJson[] {
  const open = [{ ...look, example: look.path, kind: "directory" }, ...look.below].find(
    ({ mode, kind }) => kind !== "link" && (mode & WRITE) !== 0,
  )
  if (open === undefined) return []
  return [
    {
      code: "world_writable",
      severity: "warn",
      message: `everybody may write to ${open.example} (${shown(open)})`,
      hint: `Close it: chmod o-w ${shellWord(open.example)}`,
    },
  ]
}

function daemonFindings({ look, user }: JudgedDirectory): DirectoryFindingJson[] {
  const { unreadable } = look
  if (unreadable === undefined) return []
  return [
    {
      code: "unreadable_to_daemon",
      severity: "warn",
      message: `the daemon's user (uid ${user ?? "unknown"}) may not read ${unreadable.example}; ${unreadable.count} of ${look.looked + 1} looked at are so`,
      hint: "Let the daemon run as the user or in the group that the movers write as, with a mode that lets it read.",
    },
  ]
}

/** The exact command for a directory. */
export function command(verb: string, store: string, path: string): string {
  return `cistern directories ${verb} ${shellWord(`${store}:${path}`)}`
}

function whoIs({ from }: ExpectedOwner): string {
  return from === "export" ? "whom the export makes everybody" : "whom the document names"
}

function told({ uid, gid }: { readonly uid: number; readonly gid: number }): string {
  return `${uid}:${gid}`
}

function shown(owned: Owned): string {
  return `${told(owned)}, mode ${octal(owned.mode)}`
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0")
}
