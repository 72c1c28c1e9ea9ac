import { z } from "zod"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"
import { flag } from "./fields.js"
import { nfsRuleRefusals } from "./refusal.js"

/** One NFS rule of a shared folder, in DSM's words. Undefined: DSM did not say. */
export interface NfsRule {
  /** An address, a network with a prefix or a mask, a name, a pattern, or "*". DSM keeps it as it was given. */
  readonly client: string
  /** "rw" or "ro". */
  readonly privilege: string
  /** See squashWords. */
  readonly squash: string
  readonly async: boolean | undefined
  /** Source ports above 1023 are let in. */
  readonly insecure: boolean | undefined
  /** Clients see what is mounted in it. */
  readonly crossMounts: boolean | undefined
  /** In the words of exports(5): sys, krb5, krb5i, krb5p. */
  readonly security: readonly string[]
}

/** A rule as DSM has it: what is understood of it, and all of it, with which it is given back. */
export interface HeldRule {
  readonly rule: NfsRule
  readonly raw: Readonly<Record<string, unknown>>
}

const FLAVORS = [
  ["sys", "sys"],
  ["krb5", "kerberos"],
  ["krb5i", "kerberos_integrity"],
  ["krb5p", "kerberos_privacy"],
] as const

const rule = z
  .looseObject({
    client: z.string(),
    privilege: z.string(),
    root_squash: z.string(),
    async: flag.optional(),
    insecure: flag.optional(),
    crossmnt: flag.optional(),
    security_flavor: z.record(z.string(), z.unknown()).default({}),
  })
  .transform((raw): NfsRule => {
    const set = (name: string): boolean =>
      raw.security_flavor[name] === true || raw.security_flavor[name] === 1
    return {
      client: raw.client,
      privilege: raw.privilege,
      squash: raw.root_squash,
      async: raw.async,
      insecure: raw.insecure,
      crossMounts: raw.crossmnt,
      security: FLAVORS.filter(([, name]) => set(name)).map(([word]) => word),
    }
  })

const held = z.record(z.string(), z.unknown()).transform((raw, context): HeldRule => {
  const parsed = rule.safeParse(raw)
  if (parsed.success) return { rule: parsed.data, raw }
  for (const { path } of parsed.error.issues) context.addIssue({ code: "custom", path, message: "wrong" })
  return z.NEVER
})

const api = { api: "SYNO.Core.FileServ.NFS.SharePrivilege", version: 1, refusals: nfsRuleRefusals }
const load: DsmCall<readonly HeldRule[]> = {
  ...api,
  method: "load",
  // A folder that never had a rule may have no list.
  reply: z.looseObject({ rule: z.array(held).default([]) }).transform((data) => data.rule),
}
const save: DsmCall<unknown> = { ...api, method: "save", reply: z.unknown() }

/** All rules of a shared folder, in DSM's order (reference nas-platforms.md §3.3). Throws as DsmClient.call does. */
export function loadNfsRules(dsm: DsmClient, share: string): Promise<readonly HeldRule[]> {
  return dsm.call(load, { share_name: share })
}

/** Replaces all of them. That DSM says yes does not mean that it did it: load them again. */
export async function saveNfsRules(dsm: DsmClient, share: string, rules: readonly HeldRule[]): Promise<void> {
  await dsm.call(save, { share_name: share, rule: rules.map(({ raw }) => raw) })
}

/** A rule that DSM does not have yet. DSM wants every field. */
export function newRule(wanted: NfsRule): HeldRule {
  return {
    rule: wanted,
    raw: {
      client: wanted.client,
      privilege: wanted.privilege,
      root_squash: wanted.squash,
      async: wanted.async === true,
      insecure: wanted.insecure === true,
      crossmnt: wanted.crossMounts === true,
      security_flavor: Object.fromEntries(
        FLAVORS.map(([word, name]) => [name, wanted.security.includes(word)]),
      ),
    },
  }
}
