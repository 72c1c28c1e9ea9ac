import { StorageError, type StorageErrorCode } from "../../errors.js"

/** What a code of DSM's means, and what is done about it. */
export interface Refusal {
  /**
   * `login`: the session is over. `wait`: DSM is busy. `held`: it is busy and did certainly nothing, so that even a call that must
   * not be made twice is made again. `stop`: it will say the same again.
   */
  readonly reaction: "login" | "wait" | "held" | "stop"
  readonly code: StorageErrorCode
  /** The rest of the sentence "DSM refuses SYNO.X.method (105): …". */
  readonly what: string
  readonly hint: string
}

/** By code. The same number means different things to different APIs. */
export type RefusalTable = Readonly<Record<number, Refusal>>

const LATER = "Try again when the NAS is less busy."
const OTHER_DSM = "Tell us the version of DSM: Cistern knows DSM 7."

const over = (what: string): Refusal => ({
  reaction: "login",
  code: "unreadable",
  what,
  hint: "Look whether somebody else logs in with Cistern's account; give Cistern one of its own.",
})
const busy = (what: string): Refusal => ({ reaction: "wait", code: "timeout", what, hint: LATER })
const strange = (what: string): Refusal => ({ reaction: "stop", code: "unsupported", what, hint: OTHER_DSM })

/** The codes that every API shares (reference nas-platforms.md §3.2). */
const common: RefusalTable = {
  100: strange("it had an error that it does not name"),
  101: strange("a parameter is missing"),
  102: strange("it has no such API"),
  103: strange("the API has no such method"),
  104: strange("the API has no such version"),
  105: {
    reaction: "stop",
    code: "unreadable",
    what: "the account may not do this",
    hint: "Put Cistern's account into the group administrators: DSM lets no other one manage NFS and shared folders.",
  },
  106: over("the session timed out"),
  107: over("another login took the session's place"),
  109: busy("it is busy"),
  110: busy("it is busy"),
  111: busy("it is busy"),
  114: strange("a parameter was lost"),
  117: busy("it had an error of its own or of its network"),
  118: busy("it is busy"),
  119: over("it does not know the session"),
  120: strange("it takes a parameter for wrong"),
  150: over("the session belongs to another address"),
  160: {
    reaction: "stop",
    code: "unreadable",
    what: "the account may not use DSM",
    hint: "Allow Cistern's account the application DSM: Control Panel > Application Privileges.",
  },
}

/** SYNO.Core.Share and what is below it (reference nas-platforms.md §3.4). */
export const shareRefusals: RefusalTable = {
  402: {
    reaction: "stop",
    code: "missing",
    what: "there is no such shared folder",
    hint: "Look in Control Panel > Shared Folder whether it was renamed or removed.",
  },
  403: strange("it takes a value for wrong"),
  3300: strange("it failed, and does not say why"),
  3301: {
    reaction: "stop",
    code: "invalid",
    what: "there is one of that name",
    hint: "Take another name.",
  },
  3309: {
    reaction: "stop",
    code: "unsupported",
    what: "the NAS has as many shared folders as it can have",
    hint: "Remove one that is not needed.",
  },
  3328: { reaction: "held", code: "timeout", what: "the shared folders are busy", hint: LATER },
}

/** SYNO.Core.FileServ.NFS.SharePrivilege (reference nas-platforms.md §3.3). */
export const nfsRuleRefusals: RefusalTable = {
  2301: strange("it takes a field of an NFS rule for wrong"),
  2370: {
    reaction: "held",
    code: "timeout",
    what: "NFS is busy, or there is no such shared folder",
    hint: "Look whether the shared folder is still there, and try again.",
  },
}

/** What a code means to an API that has `own` ones besides those that all share. */
export function refusalOf(code: number, own: RefusalTable = {}): Refusal {
  return own[code] ?? common[code] ?? strange("Cistern does not know this code")
}

/** `call` is the API and the method. */
export function refusalError(call: string, code: number, { code: kind, what, hint }: Refusal): StorageError {
  return new StorageError(kind, `DSM refuses ${call} (${code}): ${what}`, { facts: { dsmCode: code }, hint })
}
