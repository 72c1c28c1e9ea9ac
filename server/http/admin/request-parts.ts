import type { Request } from "express"
import type { z } from "zod"
import { HttpError } from "../errors.js"

/** The query, each name at most once. Throws HttpError 400. */
export function queryOf(request: Request): Partial<Record<string, string>> {
  const query: Partial<Record<string, string>> = {}
  for (const [name, value] of Object.entries(request.query)) {
    if (typeof value !== "string") throw new HttpError(400, "invalid", `${name} may be given once.`)
    query[name] = value
  }
  return query
}

/** The body in the shape that the contract says. Throws HttpError 400. */
export function bodyOf<Schema extends z.ZodType>(request: Request, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(request.body ?? {})
  if (result.success) return result.data
  throw new HttpError(400, "invalid", "The request does not have the expected form.", {
    problems: result.error.issues.map(({ path, message }) => ({
      path: path.map((part) => (typeof part === "symbol" ? part.toString() : part)),
      line: null,
      column: null,
      message,
    })),
  })
}
