import { z } from "zod"
import { anomalies } from "./schema-anomalies.js"
import { drills } from "./schema-drills.js"
import { nfsExport, nfsServer } from "./schema-exports.js"
import { filesystemSnapshots } from "./schema-filesystem-snapshots.js"
import { quietHours, schedule } from "./schema-schedules.js"
import { scrub } from "./schema-scrub.js"
import {
  eachOnce,
  absolutePath,
  exactlyOne,
  name,
  namespaceName,
  relativePath,
  secretFields,
  secretReference,
} from "./schema-words.js"
import { LARGEST_BYTES, parseNamedRights, SMALLEST_BYTES } from "../../storage/disk/index.js"
import { byteSizeForm, parseByteSize } from "./byte-size.js"
import type { DeclaredRepository, Place, TokenEntry } from "./document.js"

// The document as people write it. Descriptions end up in the JSON Schema, so editors show them.

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
