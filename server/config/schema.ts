import { z } from "zod"
import { anomalies } from "./schema-anomalies.js"
import { drills } from "./schema-drills.js"
import { filesystemSnapshots } from "./schema-filesystem-snapshots.js"
import { quietHours, schedule } from "./schema-schedules.js"
import { scrub } from "./schema-scrub.js"
import { isNetgroup } from "../../storage/nfs/index.js"
import { LARGEST_BYTES, parseNamedRights, SMALLEST_BYTES } from "../../storage/disk/index.js"
import { byteSizeForm, parseByteSize } from "./byte-size.js"
import type { DeclaredRepository, NfsServerEntry, Place, SecretReference, TokenEntry } from "./document.js"

// The document as people write it. Descriptions end up in the JSON Schema, so editors show them.

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "lower-case letters, digits and dashes, at most 63")

const namespaceName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "not a namespace: lower-case letters, digits and dashes")

const absolutePath = z
  .string()
  .regex(/^\/[^\0]*$/, "an absolute path is wanted")
  .refine((path) => !path.split("/").includes(".."), 'a path may not hold ".."')
  .transform((path) => "/" + segments(path).join("/"))

const relativePath = z
  .string()
  .regex(/^[^/\0][^\0]*$|^$/, "a path relative to the store is wanted, not an absolute one")
  .refine((path) => !path.split("/").includes(".."), 'a path may not hold ".."')
  .transform((path) => segments(path).join("/"))

function segments(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".")
}

const secretFields = {
  file: absolutePath.exactOptional().describe("A file on the NAS, read when the secret is needed"),
  env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "not the name of an environment variable")
    .exactOptional()
    .describe("A variable in the daemon's environment"),
  value: z.string().min(1).exactOptional().describe("The secret itself; it is sealed and never written back"),
  sealed: z
    .string()
    .min(1)
    .exactOptional()
    .describe("A secret that is sealed already, as `export` writes it"),
}

function exactlyOne(fields: object, what: string): string | undefined {
  const said = Object.keys(fields)
  return said.length === 1 ? undefined : `exactly one of ${what} is wanted, ${said.length} are here`
}

const secretReference = z
  .strictObject(secretFields)
  .meta({ minProperties: 1, maxProperties: 1 })
  .transform((fields, context): SecretReference => {
    const wrong = exactlyOne(fields, "file, env, value and sealed")
    if (wrong === undefined) return fields as SecretReference
    context.addIssue({ code: "custom", message: wrong })
    return z.NEVER
  })

const token = z
  .strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "64 hexadecimal digits are wanted")
      .transform((hash) => hash.toLowerCase())
      .exactOptional()
      .describe("SHA-256 of the token, in hex"),
    ...secretFields,
  })
  .meta({ minProperties: 1, maxProperties: 1 })
  .transform((fields, context): TokenEntry => {
    const wrong = exactlyOne(fields, "sha256, file, env, value and sealed")
    if (wrong === undefined) return fields as TokenEntry
    context.addIssue({ code: "custom", message: wrong })
    return z.NEVER
  })

const store = z.strictObject({
  name,
  path: absolutePath.describe("A directory on a mounted filesystem"),
  allowRoot: z.boolean().default(false).describe("Allow a directory on the machine's own root filesystem"),
  filesystemSnapshots: filesystemSnapshots.exactOptional(),
})

/** Namespaces that the movers' own systems live in. */
export const usuallyExcluded = ["kube-system", "volsync-system", "kyverno"]

const cluster = z.strictObject({
  name,
  networks: z.array(z.string()).default([]).describe("CIDR, such as 192.168.10.0/24"),
  excludedNamespaces: z.array(namespaceName).default(usuallyExcluded),
  tokens: z.array(token).default([]),
  requireToken: z.boolean().default(false),
})

/** What pvc-plumber looks up. */
export const usualConvention = "{pvc}-backup@{namespace}:/data"

const template = z.string().min(1).max(400)

const convention = z
  .union([
    template,
    z.strictObject({
      written: template,
      read: template.exactOptional(),
      verbatim: z.boolean().default(false),
    }),
  ])
  .transform((rule) =>
    typeof rule === "string"
      ? { written: rule, read: rule, verbatim: false }
      : { ...rule, read: rule.read ?? rule.written },
  )

const s3 = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/ }),
  bucket: z.string().min(1),
  prefix: z
    .string()
    .default("")
    .transform((prefix) => (prefix === "" || prefix.endsWith("/") ? prefix : prefix + "/")),
  region: z.string().default("auto"),
  credentials: secretReference.exactOptional(),
})

const volumeName = z.string().regex(/^[^/\s]+\/[^/\s]+$/, "a volume is written namespace/pvc")

const volume = z.union([
  z.string().min(1),
  z.strictObject({ read: z.string().min(1).exactOptional(), also: z.array(z.string().min(1)).default([]) }),
])

const userId = z.int().min(0).max(0xffff_fffe)

const aclEntry = z
  .string()
  .regex(
    /^(user|group):(0|[1-9][0-9]{0,9}):[r-][w-][x-]$/,
    'an entry such as "user:568:rwx" or "group:3000:r-x" is wanted: a number, no name, and exactly three of r, w, x and -',
  )
  .refine(
    (entry) => parseNamedRights(entry) !== undefined,
    "the number of a user or group is at most 4294967294",
  )

const MOST_ACL_ENTRIES = 16

const acl = z
  .array(aclEntry)
  .min(1, "at least one entry is wanted; leave `acl` out where nobody else is let in")
  .max(MOST_ACL_ENTRIES, `at most ${MOST_ACL_ENTRIES} entries`)
  .refine(
    (entries) => eachOnce(entries.map((entry) => entry.slice(0, entry.lastIndexOf(":")))),
    "a user or group is here twice",
  )
  .describe(
    "Users and groups, by number, that get these rights on the directories that are made, and by default on what is made in them",
  )

const owner = z
  .strictObject({
    uid: userId,
    gid: userId,
    mode: z
      .string('octal digits in quotes are wanted, such as "0750": YAML reads bare ones as another number')
      .regex(
        /^[02]?7[0-7][0145]$/,
        'three octal digits are wanted, such as "0750", or "2770" with set-gid: its owner may do everything, others may not write',
      )
      .transform((mode) => mode.padStart(4, "0"))
      .exactOptional()
      .describe("Of the directory itself"),
    acl: acl.exactOptional(),
  })
  .describe("Whose the repository's directories are; left out, whom the export around them makes everybody")

const byteSize = z.union([z.int(), z.string()], byteSizeForm).transform((written, context): number => {
  const bytes = typeof written === "number" ? written : parseByteSize(written)
  const wrong =
    bytes === undefined
      ? byteSizeForm
      : bytes < SMALLEST_BYTES
        ? "a limit of less than 1 MiB is a mistake of units"
        : bytes > LARGEST_BYTES
          ? "a limit of more than 4 PiB is a mistake of units"
          : undefined
  if (bytes !== undefined && wrong === undefined) return bytes
  context.addIssue({ code: "custom", message: wrong ?? byteSizeForm })
  return z.NEVER
})

/** From so many percent of its limit on, a repository is said to be near it. */
const USUAL_WARNING = 85

const quota = z
  .strictObject({
    limit: byteSize.describe('Such as "200GiB", or a number of bytes'),
    warnAt: z
      .int()
      .min(1)
      .max(99)
      .default(USUAL_WARNING)
      .describe("Percent of the limit from which on it is a finding"),
    enforce: z
      .boolean()
      .default(true)
      .describe("False: the limit is only to be watched, and it is no finding that it holds nobody"),
  })
  .transform(({ limit, ...rest }) => ({ limitBytes: limit, ...rest }))
  .describe(
    "What its directory may hold; where {namespace} and {pvc} are in the path, each volume's directory",
  )

const repository = z
  .strictObject({
    name,
    cluster: name,
    engine: z.enum(["kopia", "restic"]),
    store: name.exactOptional(),
    path: relativePath
      .exactOptional()
      .describe("Relative to the store; restic's may hold {namespace} and {pvc}"),
    s3: s3.exactOptional(),
    password: secretReference.exactOptional(),
    conventions: z.array(convention).min(1).exactOptional(),
    namespaces: z.array(z.string().min(1)).min(1).default(["*"]),
    namespaceMap: z.record(z.string().min(1), namespaceName).default({}),
    volumes: z.record(volumeName, volume).default({}),
    dismissed: z.array(z.string().min(1)).default([]),
    decides: z.enum(["restore", "guard", "no"]).exactOptional(),
    new: z.boolean().default(false).describe("This place is empty and is meant to be"),
    owner: owner.exactOptional(),
    directories: z
      .enum(["onFirstFresh"])
      .exactOptional()
      .describe("Make a volume's own directory at its first certain `fresh`; left out, only on request"),
    quota: quota.exactOptional(),
    anomalies: anomalies.exactOptional(),
    scrub: scrub.exactOptional(),
  })
  .transform((written, context): DeclaredRepository => {
    const { store, path, s3, conventions, password, decides, owner, quota, ...rest } = written
    if (written.directories !== undefined && path?.includes("{pvc}") !== true) {
      context.addIssue({
        code: "custom",
        path: ["directories"],
        message: "only a repository with {pvc} in its path has a directory for each volume",
      })
    }
    const place = placeOf(store, path, s3)
    if (typeof place === "string") {
      context.addIssue({ code: "custom", message: place })
      return z.NEVER
    }
    if (written.engine === "restic" && conventions !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["conventions"],
        message: "a restic repository has no conventions: its place is its identity",
      })
    }
    if (owner !== undefined && place.kind === "s3") {
      context.addIssue({
        code: "custom",
        path: ["owner"],
        message: "objects in s3 have no owner of this kind",
      })
    }
    if (quota !== undefined && place.kind === "s3") {
      context.addIssue({
        code: "custom",
        path: ["quota"],
        message: "a bucket's limit is not kept by Cistern",
      })
    }
    const usual = { written: usualConvention, read: usualConvention, verbatim: false }
    return {
      ...rest,
      place,
      password,
      decides,
      owner,
      quota,
      conventions: written.engine === "restic" ? [] : (conventions ?? [usual]),
    }
  })

function placeOf(
  store: string | undefined,
  path: string | undefined,
  bucket: z.output<typeof s3> | undefined,
): Place | string {
  if (bucket !== undefined) {
    if (store !== undefined || path !== undefined) return "a repository is in a store or in s3, not in both"
    return { kind: "s3", ...bucket, credentials: bucket.credentials }
  }
  if (store === undefined) return "where is it? `store` and `path` are wanted"
  return { kind: "store", store, path: path ?? "" }
}

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

function eachOnce(names: readonly string[]): boolean {
  return new Set(names).size === names.length
}

const nfsExport = z
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

const nfsServer: z.ZodType<NfsServerEntry> = z.discriminatedUnion("kind", [
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

export const documentSchema = z
  .strictObject({
    stores: z.array(store).default([]),
    clusters: z.array(cluster).default([]),
    repositories: z.array(repository).default([]),
    exports: z.array(nfsExport).default([]),
    nfsServer: nfsServer
      .optional()
      .describe("What exports the directories; found by itself where it is left out"),
    schedules: z.array(schedule).default([]),
    quietHours: quietHours.optional(),
    scrub: scrub.optional(),
    drills: drills.optional(),
  })
  .transform((written) => ({
    ...written,
    nfsServer: written.nfsServer,
    quietHours: written.quietHours,
    scrub: written.scrub,
    drills: written.drills,
  }))

/** The schema of the document as JSON Schema 2020-12, for editors. */
export function documentJsonSchema(): Record<string, unknown> {
  return { title: "Cistern document", ...z.toJSONSchema(documentSchema, { io: "input" }) }
}
