import { z } from "zod"
import type { SecretReference } from "./document.js"

// What several parts of the document say alike.

export const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "lower-case letters, digits and dashes, at most 63")

export const namespaceName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "not a namespace: lower-case letters, digits and dashes")

export const absolutePath = z
  .string()
  .regex(/^\/[^\0]*$/, "an absolute path is wanted")
  .refine((path) => !path.split("/").includes(".."), 'a path may not hold ".."')
  .transform((path) => "/" + segments(path).join("/"))

export const relativePath = z
  .string()
  .regex(/^[^/\0][^\0]*$|^$/, "a path relative to the store is wanted, not an absolute one")
  .refine((path) => !path.split("/").includes(".."), 'a path may not hold ".."')
  .transform((path) => segments(path).join("/"))

export function segments(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".")
}

export const secretFields = {
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

export function exactlyOne(fields: object, what: string): string | undefined {
  const said = Object.keys(fields)
  return said.length === 1 ? undefined : `exactly one of ${what} is wanted, ${said.length} are here`
}

export const secretReference = z
  .strictObject(secretFields)
  .meta({ minProperties: 1, maxProperties: 1 })
  .transform((fields, context): SecretReference => {
    const wrong = exactlyOne(fields, "file, env, value and sealed")
    if (wrong === undefined) return fields as SecretReference
    context.addIssue({ code: "custom", message: wrong })
    return z.NEVER
  })

export function eachOnce(names: readonly string[]): boolean {
  return new Set(names).size === names.length
}
