import { JsonFields } from "../../bytes/index.js"
import { StorageError } from "../../errors.js"
import type { NfsRule } from "../../nas/synology/index.js"
import { asAgreed, type NfsExport } from "../export.js"

/**
 * Which of DSM's NFS rules are ours. Nothing in a rule says so, so that it has to be remembered: plain values that JSON holds, kept
 * where what must not be lost is kept.
 */
export interface OwnRules {
  /** What was applied last, as it was wanted. */
  readonly exports: readonly NfsExport[]
  /** The rules that stand for it. */
  readonly rules: readonly OwnRule[]
  /**
   * Ours too where they are there: of an apply that did not end, or withdrawn by the last one. Somebody who saved the whole list at
   * the same time may have brought those back.
   */
  readonly unsure: readonly OwnRule[]
}

export interface OwnRule {
  readonly share: string
  /** The shared folder's, which stays when it is renamed; undefined where DSM gives it none. */
  readonly uuid: string | undefined
  readonly rule: NfsRule
}

export interface OwnRulesStore {
  /** Undefined: nothing was ever applied. */
  read(): OwnRules | undefined
  /** Returns when it is kept for good. */
  write(rules: OwnRules): void
}

export const noOwnRules: OwnRules = { exports: [], rules: [], unsure: [] }

/** Reads what `JSON.stringify` made of OwnRules. `what` names it. Throws StorageError `corrupt`. */
export function parseOwnRules(value: unknown, what: string): OwnRules {
  const fields = new JsonFields(value, what)
  const list = <T>(name: string, parse: (item: JsonFields) => T): T[] =>
    (fields.optionalArray(name) ?? wrong(what, name)).map((item) => parse(new JsonFields(item, what)))
  return {
    exports: list("exports", (item) => exportOf(item, what)),
    rules: list("rules", ownRuleOf),
    unsure: list("unsure", ownRuleOf),
  }
}

function ownRuleOf(fields: JsonFields): OwnRule {
  const rule = fields.object("rule")
  return {
    share: fields.string("share"),
    uuid: fields.optionalString("uuid"),
    rule: {
      client: rule.string("client"),
      privilege: rule.string("privilege"),
      squash: rule.string("squash"),
      async: rule.optionalBoolean("async"),
      insecure: rule.optionalBoolean("insecure"),
      crossMounts: rule.optionalBoolean("crossMounts"),
      security: rule.optionalStrings("security") ?? [],
    },
  }
}

function exportOf(fields: JsonFields, what: string): NfsExport {
  const clients = fields.optionalArray("clients") ?? wrong(what, "clients")
  return asAgreed({
    path: fields.string("path"),
    mountPoint: fields.optionalString("mountPoint"),
    crossMounts: fields.optionalBoolean("crossMounts") ?? wrong(what, "crossMounts"),
    fsid: fields.optionalString("fsid"),
    clients: clients.map((item) => {
      const client = new JsonFields(item, what)
      const [access, squash] = [client.string("access"), client.optionalObject("squash")]
      if (access !== "readOnly" && access !== "readWrite") return wrong(what, "access")
      return {
        network: client.string("network"),
        access,
        squash: squash === undefined ? undefined : { uid: squash.number("uid"), gid: squash.number("gid") },
      }
    }),
  })
}

function wrong(what: string, name: string): never {
  throw new StorageError("corrupt", `${what}: ${name} is missing or wrong`, {
    facts: { file: what },
    hint: "Restore it, or remove it and use `cistern exports apply --replace`, which takes over the rules that are declared.",
  })
}
