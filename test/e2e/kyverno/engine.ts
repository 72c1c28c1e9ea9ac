import { execFile, execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { parseAllDocuments, stringify } from "yaml"
import { scratch } from "../../support/fixtures.js"
import type { Network } from "../../support/networks.js"

// Kyverno's own engine, by its command line: it matches, calls, mutates, validates and generates as its controllers do.
// There is no API server: that a rule in error denies follows from `failurePolicy: Fail`, which the engine does not apply
// here.

/** Builds the program where it is not there yet, and gives its path. */
export function builtKyverno(limitMs: number): string {
  const make = join(import.meta.dirname, "../../../scripts/kyverno/make")
  return execFileSync(make, {
    encoding: "utf8",
    timeout: limitMs,
    stdio: ["ignore", "pipe", "inherit"],
  }).trim()
}

/** What a cluster does with one new volume. */
export interface Outcome {
  /** Names of the policies that looked at it. None: the volume is nobody's business. */
  readonly lookedAt: readonly string[]
  /** Why it may not be created; empty when it may. */
  readonly denials: readonly string[]
  /** The claim that is created. */
  readonly claim: Claim
}

export interface Claim {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly labels?: object }
  readonly spec: {
    readonly accessModes: readonly string[]
    readonly resources: object
    readonly dataSourceRef?: object
  }
}

export interface Review {
  /** The names of the policies. */
  readonly policies: readonly string[]
  readonly volumes: ReadonlyMap<string, Outcome>
  /** Objects that the policies make beside the volumes, as `<kind> <namespace>/<name>`. */
  readonly generated: readonly string[]
}

interface Made extends Claim {
  readonly kind: string
}

/** One line of the report that `kyverno apply` gives, as far as it is looked at. */
interface Result {
  readonly policy: string
  readonly result: "pass" | "skip" | "fail" | "warn" | "error"
  readonly message: string
  readonly resources: readonly { readonly namespace: string; readonly name: string }[]
}

/** A new claim with the label that the policies look for, or with none. */
export function newClaim(volume: string, labels: object = { backup: "enabled" }): Claim {
  const [namespace = "", name = ""] = volume.split("/")
  const claim: Claim & { apiVersion: string; kind: string } = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { namespace, name, labels },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  }
  return claim
}

export class Kyverno {
  readonly #program: string

  constructor(program: string) {
    this.#program = program
  }

  /** Has the policies look at claims that are to be created, called from within `network`. */
  async review(network: Network, policies: string, claims: readonly Claim[]): Promise<Review> {
    const folder = scratch()
    const made = join(folder, "made")
    mkdirSync(made)
    writeFileSync(join(folder, "policies.yaml"), policies)
    writeFileSync(join(folder, "claims.yaml"), claims.map((claim) => stringify(claim)).join("---\n"))
    const [command, ...prefix] = network.enter
    const words = [...prefix, this.#program, "apply", "policies.yaml", "--resource", "claims.yaml"]
    const output = ["--output", made, "--policy-report", "--output-format", "json"]
    const { stdout } = await run(command, [...words, ...output], folder)
    const objects = readdirSync(made).flatMap((name) => objectsIn(join(made, name)))
    const results = resultsIn(stdout)
    const beside = objects.filter(({ kind }) => kind !== "PersistentVolumeClaim")
    return {
      policies: parseAllDocuments(policies)
        .map((document) => String(document.getIn(["metadata", "name"])))
        .sort(),
      volumes: new Map(claims.map((claim) => [nameOf(claim), outcomeOf(claim, results, objects)])),
      generated: beside.map((object) => `${object.kind} ${nameOf(object)}`).sort(),
    }
  }
}

/** Its exit status is 1 where a volume is denied; without a report there is more amiss. */
async function run(command: string, words: readonly string[], folder: string): Promise<{ stdout: string }> {
  const environment = { PATH: process.env.PATH, HOME: folder }
  try {
    return await promisify(execFile)(command, words, { cwd: folder, env: environment })
  } catch (error) {
    const failed = error as Error & { stdout: string }
    if (resultsIn(failed.stdout).length > 0) return failed
    throw new Error(`Kyverno could not apply the policies:\n${failed.stdout}`, { cause: error })
  }
}

/** What the report says, which follows what is said for people; there is none where no policy looked at anything. */
function resultsIn(stdout: string): readonly Result[] {
  const start = stdout.indexOf('{"kind":')
  return start === -1 ? [] : ((JSON.parse(stdout.slice(start)) as { results?: Result[] }).results ?? [])
}

function outcomeOf(claim: Claim, results: readonly Result[], objects: readonly Made[]): Outcome {
  const own = results.filter(({ resources }) =>
    resources.some(({ namespace, name }) => `${namespace}/${name}` === nameOf(claim)),
  )
  const denied = own.filter(({ result }) => result === "fail" || result === "error")
  const created = objects.find(
    (object) => object.kind === "PersistentVolumeClaim" && nameOf(object) === nameOf(claim),
  )
  return {
    lookedAt: [...new Set(own.map(({ policy }) => policy))].sort(),
    denials: denied.map(({ message }) => message),
    claim: { ...claim, ...created },
  }
}

function nameOf({ metadata }: Claim): string {
  return `${metadata.namespace}/${metadata.name}`
}

function objectsIn(file: string): Made[] {
  return parseAllDocuments(readFileSync(file, "utf8"))
    .map((document) => document.toJS() as Made | null)
    .filter((object) => object !== null)
}
