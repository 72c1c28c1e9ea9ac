import { stat } from "node:fs/promises"
import { setTimeout as delay } from "node:timers/promises"
import { Secret } from "../../storage/secret.js"
import { type LogLevel, parseLogLevel } from "../log.js"
import { ConfigError } from "./config-error.js"
import type { Environment } from "./environment.js"
import { VariableReader } from "./variable-reader.js"

/** pvc-plumber's own variables, all of them checked (cluster-side §3.2 and §3.4). */
export type DropIn = KopiaFilesystemDropIn | BucketDropIn

interface DropInBase {
  /** Port on all addresses; 0 is any free one. */
  readonly port: number
  readonly logLevel: LogLevel
  /** Bound of one lookup, in milliseconds. */
  readonly httpTimeoutMs: number
  readonly cacheTtlMs: number
  /** Undefined: switched off by `0s`. */
  readonly reWarmIntervalMs: number | undefined
}

export interface KopiaFilesystemDropIn extends DropInBase {
  readonly backend: "kopia-fs"
  readonly repositoryPath: string
  readonly password: Secret
}

/** A repository in a bucket: the variables are right, but the start fails with `refusal`. */
export interface BucketDropIn extends DropInBase {
  readonly backend: "s3" | "kopia-s3"
  readonly endpoint: string
  readonly bucket: string
  readonly tls: boolean
  readonly refusal: string
}

const S3_VARIABLES = ["S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"] as const
const BUCKET_CREDENTIALS = ["KOPIA_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const
const BACKENDS = ["s3", "kopia-fs", "kopia-s3"] as const

/**
 * The drop-in's settings, undefined when it is not on: neither BACKEND_TYPE nor all four S3_* variables are set (design §4).
 * Touches no disk; `repositoryPathFault` looks at the path. Throws ConfigError with every fault at once.
 */
export function readDropIn(env: Environment): DropIn | undefined {
  const variables = new VariableReader(env)
  const named = variables.text("BACKEND_TYPE")
  if (named === undefined && S3_VARIABLES.some((name) => variables.text(name) === undefined)) return undefined

  const backend = variables.oneOf("BACKEND_TYPE", BACKENDS, "s3")
  const common = readCommon(variables)
  const dropIn = backend === undefined ? undefined : readBackend(backend, common, variables)
  if (variables.faults.length > 0) throw new ConfigError(variables.faults.join("; "))
  return dropIn
}

function readCommon(variables: VariableReader): DropInBase {
  const httpTimeoutMs = variables.duration("HTTP_TIMEOUT", "3s")
  if (httpTimeoutMs <= 0) variables.refuse("HTTP_TIMEOUT", "must be longer than 0s")
  const reWarmIntervalMs = variables.duration("RE_WARM_INTERVAL", "90s")
  if (reWarmIntervalMs < 0) variables.refuse("RE_WARM_INTERVAL", "must not be negative; 0s switches it off")
  return {
    port: variables.port("PORT", 8080),
    logLevel: parseLogLevel(variables.text("LOG_LEVEL")),
    httpTimeoutMs,
    cacheTtlMs: variables.duration("CACHE_TTL", "60s"),
    reWarmIntervalMs: reWarmIntervalMs === 0 ? undefined : reWarmIntervalMs,
  }
}

function readBackend(backend: DropIn["backend"], common: DropInBase, variables: VariableReader): DropIn {
  switch (backend) {
    case "kopia-fs":
      return {
        ...common,
        backend,
        repositoryPath: variables.text("KOPIA_REPOSITORY_PATH") ?? "/repository",
        password: new Secret(variables.required("KOPIA_PASSWORD", "kopia-fs")),
      }
    case "s3": {
      const [endpoint, bucket] = S3_VARIABLES.map((name) => variables.required(name, backend))
      const tls = variables.flag("S3_SECURE")
      return {
        ...common,
        backend,
        endpoint: endpoint ?? "",
        bucket: bucket ?? "",
        tls,
        refusal: refusalOf(backend),
      }
    }
    case "kopia-s3": {
      const endpoint = variables.required("KOPIA_S3_ENDPOINT", backend)
      const bucket = variables.required("KOPIA_S3_BUCKET", backend)
      const tls = !variables.flag("KOPIA_S3_DISABLE_TLS")
      // Set but empty means: not from files. Otherwise the files are read later, because they may come later.
      if (variables.isSetEmpty("KOPIA_CREDENTIALS_PATH")) {
        for (const name of BUCKET_CREDENTIALS) {
          variables.required(name, "kopia-s3 with an empty KOPIA_CREDENTIALS_PATH")
        }
      }
      return { ...common, backend, endpoint, bucket, tls, refusal: refusalOf(backend) }
    }
  }
}

function refusalOf(backend: string): string {
  return (
    `BACKEND_TYPE="${backend}": the variables are right, but reading repositories in S3 has not landed yet in this version. ` +
    "Until it has, keep pvc-plumber for this one, or serve a repository on a filesystem with BACKEND_TYPE=kopia-fs."
  )
}

/** How long a path may take to be looked at before its mount counts as hung. */
const LOOK_MS = 3_000

/**
 * Why the repository path cannot be served, undefined when it is there. A path that cannot be looked at (a hung mount, no
 * permission) is left to the answers: they say `unknown` and why, and recover without a restart.
 */
export async function repositoryPathFault(path: string, limitMs = LOOK_MS): Promise<string | undefined> {
  const looked = stat(path).then(
    () => undefined,
    (error: unknown) =>
      error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")
        ? `KOPIA_REPOSITORY_PATH=${JSON.stringify(path)} does not exist: mount the repository there`
        : undefined,
  )
  return Promise.race([looked, delay(limitMs, undefined, { ref: false })])
}
