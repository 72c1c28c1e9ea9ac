import {
  type Acl,
  aclText,
  declaredAcl,
  type DirectoryLook,
  type NamedRights,
  namedText,
} from "../../../storage/disk/index.js"
import type { DirectoryFindingJson } from "../../http/contract/directories.js"
import type { ExpectedOwner } from "./expected-owner.js"
import { shellWord } from "./shell-word.js"

const ALL = 0o7
const SPECIAL = 0o7000
const NOT_FOR_OTHERS = 0o002

/** Decides what a directory's access control list means for those whom the document names. */
export function judgeAcl(look: DirectoryLook, owner: ExpectedOwner): DirectoryFindingJson[] {
  const { acl: named = [], mode } = owner
  if (named.length === 0) return []
  if (look.acl?.kind !== "read") return [unknown(look)]
  const { access, inherited } = look.acl
  const base = mode ?? ((access.user << 6) | (access.group << 3) | access.other | 0o700) & ~NOT_FOR_OTHERS
  const wanted = declaredAcl(base, named)
  const hint = `Set it, as root: ${command(look.path, wanted)}`
  const ofBase = mode === undefined ? undefined : wanted
  const own = difference(access, named, ofBase)
  const next = inherited === undefined ? NONE_INHERITED : difference(inherited, named, ofBase)
  return [
    ...(own === undefined
      ? []
      : [{ code: own.code, severity: own.severity, message: `${look.path}: ${own.what}`, hint }]),
    // Whoever is named can work in the directory itself.
    ...(next === undefined
      ? []
      : [
          {
            code: next.code,
            severity: "warn" as const,
            message: `what is made in ${look.path} inherits another list: ${next.what}`,
            hint,
          },
        ]),
    ...specialBits(look, mode),
  ]
}

interface Difference {
  readonly code: DirectoryFindingJson["code"]
  readonly severity: DirectoryFindingJson["severity"]
  readonly what: string
}

const NONE_INHERITED: Difference = { code: "acl_differs", severity: "warn", what: "there is none by default" }

/** The worst that is wrong with a list. `base`: what owner, group and others are to have; undefined: nobody said. */
function difference(
  found: Acl,
  named: readonly NamedRights[],
  base: Acl | undefined,
): Difference | undefined {
  const { mask = ALL } = found
  const lacking = named.filter(({ kind, id, rights }) => {
    const one = found.named.find((its) => its.kind === kind && its.id === id)
    return one === undefined || (one.rights & rights) !== rights
  })
  if (lacking.length > 0) {
    const what = `${told(lacking)} should be in its access control list, which is ${aclText(found)}`
    return { code: "acl_differs", severity: "fail", what }
  }
  const masked = named.filter(({ rights }) => (rights & mask) !== rights)
  if (masked.length > 0) {
    const what = `the mask of its access control list, ${aclText(found)}, takes rights away from ${told(masked)}`
    return { code: "acl_masked", severity: "fail", what }
  }
  const others = found.named.filter((one) => !named.some((wanted) => namedText(wanted) === namedText(one)))
  const isBase =
    base === undefined ||
    (found.user === base.user && found.group === base.group && found.other === base.other)
  if (others.length === 0 && isBase) return undefined
  const what = `its access control list is ${aclText(found)}, and allows other than declared`
  return { code: "acl_differs", severity: "warn", what }
}

function specialBits({ path, mode: found }: DirectoryLook, mode: number | undefined): DirectoryFindingJson[] {
  if (mode === undefined || (found & SPECIAL) === (mode & SPECIAL)) return []
  const [is, should] = [found, (found & ~SPECIAL) | (mode & SPECIAL)].map((one) => one.toString(8))
  const message = `${path} has mode ${is?.padStart(4, "0") ?? ""}, not ${should?.padStart(4, "0") ?? ""}`
  // chmod takes set-gid from a directory only where five digits are given.
  const hint = `Set it, as root: chmod ${should?.padStart(5, "0") ?? ""} ${shellWord(path)}`
  return [{ code: "wrong_mode", severity: "warn", message, hint }]
}

function unknown({ path, acl }: DirectoryLook): DirectoryFindingJson {
  const [why, hint] =
    acl?.kind === "unknown"
      ? [acl.why, acl.hint]
      : ["of so many directories not all lists are read", "Look at it by hand: `getfacl -n`."]
  const message = `the access control list of ${path} is not known: ${why}`
  return { code: "acl_unknown", severity: "warn", message, hint }
}

function command(path: string, wanted: Acl): string {
  return `setfacl --set ${aclText(wanted)},${aclText(wanted, "default:")} -- ${shellWord(path)}`
}

function told(named: readonly NamedRights[]): string {
  return named.map(namedText).join(", ")
}
