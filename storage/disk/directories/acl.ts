import { ENTER, READ, WRITE } from "./permission.js"

// POSIX access control lists, acl(5): beside owner, group and others they name users and groups. Where one is there, the group's digit of
// the mode is its mask, the most that anybody but the owner and the others may do.

/** What one user or group may do: a sum of READ, WRITE and ENTER. */
export interface NamedRights {
  readonly kind: "user" | "group"
  readonly id: number
  readonly rights: number
}

/** One list, whole. */
export interface Acl {
  readonly user: number
  readonly group: number
  readonly other: number
  /** Undefined: nobody is named, and nothing is masked. */
  readonly mask: number | undefined
  readonly named: readonly NamedRights[]
}

/** A directory's own list, and the one that what is made in it gets. */
export interface DirectoryAcl {
  readonly access: Acl
  readonly inherited: Acl | undefined
}

/** The last number is what the kernel means by nobody. */
const LARGEST_ID = 0xffff_fffe

/** Reads an entry such as "user:568:rwx" or "group:3000:r-x". Undefined for what is none, and for names, which another system may read otherwise. */
export function parseNamedRights(text: string): NamedRights | undefined {
  const [, kind, digits, letters] = /^(user|group):(0|[1-9]\d{0,9}):([r-][w-][x-])$/.exec(text) ?? []
  const id = Number(digits)
  if (kind === undefined || letters === undefined || id > LARGEST_ID) return undefined
  return { kind: kind === "user" ? "user" : "group", id, rights: rightsOf(letters) }
}

/** Such as "user:568:rwx". */
export function namedText({ kind, id, rights }: NamedRights): string {
  return `${kind}:${id}:${letters(rights)}`
}

/** The list of a directory of this mode, in which these are named: the mask takes nothing away. */
export function declaredAcl(mode: number, named: readonly NamedRights[]): Acl {
  const group = (mode >> 3) & 7
  return {
    user: (mode >> 6) & 7,
    group,
    other: mode & 7,
    mask: named.reduce((rights, one) => rights | one.rights, group),
    named,
  }
}

/** What stat shows of such a directory: in the group's place what the group and all who are named may do together. */
export function shownMode(mode: number, named: readonly NamedRights[]): number {
  return mode | (named.reduce((rights, one) => rights | one.rights, 0) << 3)
}

/** As setfacl takes it. `prefix`: "default:" for the list that is inherited. */
export function aclText({ user, group, other, mask, named }: Acl, prefix: "" | "default:" = ""): string {
  const entries = [
    `user::${letters(user)}`,
    ...named.map(namedText),
    `group::${letters(group)}`,
    ...(mask === undefined ? [] : [`mask::${letters(mask)}`]),
    `other::${letters(other)}`,
  ]
  return entries.map((entry) => prefix + entry).join(",")
}

/** Reads what `getfacl` says with numbers, without header and comments. Undefined for anything else. */
export function parseAcl(text: string): DirectoryAcl | undefined {
  const lines = text.split("\n").filter((line) => line !== "")
  const inherits = lines.filter((line) => line.startsWith("default:"))
  const access = listOf(lines.filter((line) => !line.startsWith("default:")))
  const inherited = listOf(inherits.map((line) => line.slice("default:".length)))
  if (access === undefined || (inherits.length > 0 && inherited === undefined)) return undefined
  return { access, inherited }
}

/** Whether two lists say the same, in whatever order. */
export function sameAcl(one: Acl, other: Acl): boolean {
  return sorted(one) === sorted(other)
}

function sorted(acl: Acl): string {
  return aclText(acl).split(",").sort().join(",")
}

function listOf(lines: readonly string[]): Acl | undefined {
  const base = new Map<string, number>()
  const named: NamedRights[] = []
  for (const line of lines) {
    const [, kind, rights] = /^(user|group|mask|other)::([r-][w-][x-])$/.exec(line) ?? []
    const one = parseNamedRights(line)
    if (one !== undefined) named.push(one)
    else if (kind === undefined || rights === undefined || base.has(kind)) return undefined
    else base.set(kind, rightsOf(rights))
  }
  const [user, group, other] = [base.get("user"), base.get("group"), base.get("other")]
  if (user === undefined || group === undefined || other === undefined) return undefined
  return { user, group, other, mask: base.get("mask"), named }
}

function rightsOf(text: string): number {
  return (text[0] === "r" ? READ : 0) | (text[1] === "w" ? WRITE : 0) | (text[2] === "x" ? ENTER : 0)
}

function letters(rights: number): string {
  return `${rights & READ ? "r" : "-"}${rights & WRITE ? "w" : "-"}${rights & ENTER ? "x" : "-"}`
}
