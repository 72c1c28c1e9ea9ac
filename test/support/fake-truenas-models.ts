type FieldObjection = [attribute: string | null, message: string, errno: number]

/** What a method of TrueNAS raises, before it is put into a reply. */
export class FakeError extends Error {
  readonly errname: string
  /** Fields that a validation objects to; null where it is no validation. */
  readonly extra: FieldObjection[] | null

  constructor(errname: string, message: string, extra: FieldObjection[] | null = null) {
    super(message)
    this.errname = errname
    this.extra = extra
  }
}

/** Raises what a validation found, if it found anything. */
export function raise(fields: FieldObjection[]): void {
  if (fields.length === 0) return
  const reason = fields
    .map(([attribute, message]) => `[EINVAL] ${attribute ?? "None"}: ${message}\n`)
    .join("")
  throw new FakeError("EINVAL", reason, fields)
}

type Check = (value: unknown) => boolean

const text: Check = (value) => typeof value === "string" && value !== ""
const anyText: Check = (value) => typeof value === "string"
const name: Check = (value) => value === null || typeof value === "string"
const flag: Check = (value) => typeof value === "boolean"
const texts: Check = (value) => Array.isArray(value) && value.every(text)
const number: Check = (value) => Number.isInteger(value)
const object: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value)
const list: Check = (value) => Array.isArray(value)
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value)

const share = {
  path: text,
  aliases: texts,
  comment: anyText,
  networks: texts,
  hosts: texts,
  ro: flag,
  maproot_user: name,
  maproot_group: name,
  mapall_user: name,
  mapall_group: name,
  security: (value: unknown) =>
    Array.isArray(value) && value.every((one) => ["SYS", "KRB5", "KRB5I", "KRB5P"].includes(String(one))),
  enabled: flag,
  expose_snapshots: flag,
}

type Model = { readonly fields: Readonly<Record<string, Check>>; readonly required: readonly string[] }
type Parameter = { readonly name: string; readonly check: Check | Model; readonly optional?: true }

const filters: Parameter = { name: "filters", check: list, optional: true }
const queryOptions: Parameter = {
  name: "options",
  check: {
    fields: {
      ...{ extra: object, order_by: list, select: list, count: flag, get: flag },
      ...{ offset: number, limit: number, force_sql_filters: flag },
    },
    required: [],
  },
  optional: true,
}
const query = [filters, queryOptions]
const id: Parameter = { name: "id", check: number }
const snapshotOptions = (...names: string[]): Parameter => ({
  name: "options",
  check: { fields: Object.fromEntries(names.map((one) => [one, flag])), required: [] },
  optional: true,
})
const snapshotId: Parameter = { name: "id", check: (value) => /^[^@]+@[^@]+$/.test(String(value)) }
const quota: Check = (value) =>
  value === null || value === 0 || (Number.isInteger(value) && Number(value) >= 1024 ** 3)

/** The parameters of each method, from the vendor's published models (api/v25_10_2). */
export const MODELS: Readonly<Record<string, readonly Parameter[]>> = {
  "core.ping": [],
  "auth.login_ex": [
    {
      name: "login_data",
      check: {
        fields: {
          mechanism: oneOf("API_KEY_PLAIN", "PASSWORD_PLAIN"),
          username: anyText,
          api_key: anyText,
          login_options: object,
        },
        required: ["mechanism", "username", "api_key"],
      },
    },
  ],
  "sharing.nfs.query": query,
  "sharing.nfs.create": [{ name: "data", check: { fields: share, required: ["path"] } }],
  "sharing.nfs.update": [id, { name: "data", check: { fields: share, required: [] } }],
  "sharing.nfs.delete": [id],
  "service.query": query,
  "nfs.config": [],
  "nfs.get_nfs3_clients": query,
  "nfs.get_nfs4_clients": query,
  "user.query": query,
  "group.query": query,
  "filesystem.statfs": [{ name: "path", check: text }],
  "pool.dataset.query": query,
  "pool.dataset.update": [
    { name: "id", check: text },
    { name: "data", check: { fields: { refquota: quota, quota, comments: anyText }, required: [] } },
  ],
  "pool.query": query,
  "disk.query": query,
  "disk.temperatures": [
    { name: "name", check: list, optional: true },
    { name: "include_thresholds", check: flag, optional: true },
  ],
  "alert.list": [],
  "system.info": [],
  ...snapshotMethods("pool.snapshot"),
  ...snapshotMethods("zfs.snapshot"),
}

function snapshotMethods(namespace: string): Record<string, readonly Parameter[]> {
  return {
    [`${namespace}.query`]: query,
    [`${namespace}.create`]: [
      {
        name: "data",
        check: {
          fields: {
            dataset: text,
            name: text,
            recursive: flag,
            exclude: list,
            vmware_sync: flag,
            properties: object,
          },
          required: ["dataset", "name"],
        },
      },
    ],
    [`${namespace}.hold`]: [snapshotId, snapshotOptions("recursive")],
    [`${namespace}.release`]: [snapshotId, snapshotOptions("recursive")],
    [`${namespace}.delete`]: [snapshotId, snapshotOptions("defer", "recursive")],
  }
}

/** What the models object to, in TrueNAS' words; [] for nothing. */
export function objections(method: string, params: readonly unknown[]): FieldObjection[] {
  const model = MODELS[method] ?? []
  const found: FieldObjection[] = []
  if (params.length > model.length) found.push(["", `Too many arguments (expected ${model.length})`, 22])
  for (const [at, { name: parameter, check, optional }] of model.entries()) {
    const value = params[at]
    if (value === undefined) {
      if (optional === undefined) found.push([parameter, "Field required", 22])
    } else if (typeof check === "function") {
      if (!check(value)) found.push([parameter, "Input should be valid", 22])
    } else if (!object(value)) found.push([parameter, "Input should be a valid dictionary", 22])
    else found.push(...fieldObjections(method, parameter, check, value as Record<string, unknown>))
  }
  return found
}

function fieldObjections(
  method: string,
  parameter: string,
  { fields, required }: Model,
  value: Record<string, unknown>,
): FieldObjection[] {
  const found: FieldObjection[] = []
  for (const one of required) if (!(one in value)) found.push([`${parameter}.${one}`, "Field required", 22])
  for (const [field, inner] of Object.entries(value)) {
    const check = fields[field]
    if (check === undefined) found.push([`${parameter}.${field}`, "Extra inputs are not permitted", 22])
    else if (!check(inner)) {
      // A union complains for each of its arms.
      if (method === "pool.dataset.update") {
        found.push([
          `${parameter}.PoolDatasetCreateFilesystem.${field}`,
          "Input should be greater than or equal to 1073741824",
          22,
        ])
        found.push([`${parameter}.PoolDatasetCreateVolume.volsize`, "Field required", 22])
      } else found.push([`${parameter}.${field}`, "Input should be valid", 22])
    }
  }
  return found
}
