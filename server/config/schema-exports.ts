import { z } from "zod"
import { isNetgroup } from "../../storage/nfs/index.js"
import type { NfsServerEntry } from "./document.js"
import { eachOnce, name, relativePath, secretReference } from "./schema-words.js"

/** RFC 1123, and not what could be read as an address: those are networks of the cluster. */
const hostName = z
  .string()
  .max(253)
  .transform((host) => host.toLowerCase())
  .refine(
    (host) => host.split(".").every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)),
    "not a host name such as backup-client.lan: letters, digits, dashes and dots, without wildcards",
  )
  .refine(
    (host) => !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host),
    "an address belongs into the cluster's networks, as 192.168.10.7/32",
  )

const netgroup = z
  .string()
  .refine(
    isNetgroup,
    'not a netgroup such as "@movers": "@", then letters, digits, "_", "." and "-", at most 63',
  )

export const nfsExport = z
  .strictObject({
    store: name,
    path: relativePath.default(""),
    cluster: name,
    access: z.enum(["readOnly", "readWrite"]).default("readOnly"),
    hosts: z
      .array(hostName)
      .max(32)
      .refine(eachOnce, "a host is here twice")
      .default([])
      .describe("Names of hosts outside the cluster's networks; each is trusted as far as DNS is"),
    netgroups: z
      .array(netgroup)
      .max(32)
      .refine(eachOnce, "a netgroup is here twice")
      .default([])
      .describe("Netgroups of NIS or LDAP, such as @movers; only by the kernel's server and NFS-Ganesha"),
    squash: z
      .strictObject({ uid: z.int().min(0).max(0xffff_fffe), gid: z.int().min(0).max(0xffff_fffe) })
      .exactOptional(),
  })
  .transform((written) => ({ ...written, squash: written.squash }))

export const nfsServer: z.ZodType<NfsServerEntry> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.enum(["auto", "kernel", "ganesha", "none"]) }),
  z
    .strictObject({
      kind: z.enum(["truenas", "synology"]),
      url: z
        .url({ protocol: /^(https|wss)$/, error: "an https:// or wss:// address is wanted" })
        .describe("Where the NAS answers, such as https://192.0.2.10:5001"),
      user: z.string().min(1).describe("An account of the NAS made for Cistern"),
      secret: secretReference.describe("TrueNAS: the API key; Synology: the account's password"),
      fingerprint: z
        .string()
        .transform((digits) => digits.replaceAll(":", "").toLowerCase())
        .refine((digits) => /^[0-9a-f]{64}$/.test(digits), "64 hexadecimal digits are wanted")
        .exactOptional()
        .describe("SHA-256 of the NAS' certificate, for one that signed itself"),
    })
    .transform((written) => ({ ...written, fingerprint: written.fingerprint })),
])
