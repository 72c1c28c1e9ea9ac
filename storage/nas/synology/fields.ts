import { z } from "zod"

// The same field is true in one version of DSM and 1 in another, 12 or "12".

export const flag = z.union([z.boolean(), z.literal([0, 1])]).transform(Boolean)

/** Not below 0; decimals where DSM has them. */
export const amount = z.union([z.number().min(0), z.string().regex(/^\d+(\.\d+)?$/)]).transform(Number)
